import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { once } from "node:events";
import type { CleanupProcess } from "./cleanup.js";

export type ProcessOptions = {
  name: string;
  /** Script and arguments for Node.js. */
  args: readonly string[];
  env: Record<string, string>;
  /** File that receives standard output and standard error. */
  logPath: string;
};

/** An exit that the run did not cause. */
export type UnexpectedExit = { name: string; how: string };

export type ProcessSupervisor = { cleanup: CleanupProcess; onUnexpectedExit: (exit: UnexpectedExit) => void };

/** An orchestrator also waits before it restarts a process that exited. */
const restartAfterMs = 1_000;

/**
 * Creates a process of the product that can be killed, frozen and started again. As under an orchestrator, a process that
 * exits unexpectedly is restarted; the exit is reported.
 */
export function createProductProcess(
  options: ProcessOptions,
  { cleanup, onUnexpectedExit }: ProcessSupervisor,
) {
  const { name, args, env, logPath } = options;
  let child: ChildProcess | null = null;
  let isFrozen = false;
  let isClosed = false;
  let startedAtMs = -Infinity;
  let disturbedAtMs = -Infinity;
  // If this process is killed and the handler does not run, the cleanup process kills the child.
  process.once("exit", () => child?.kill("SIGKILL"));

  function start(): void {
    if (child !== null || isClosed) return;
    const log = openSync(logPath, "a");
    const started = spawn(process.execPath, ["--trace-warnings", ...args], {
      env,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const pid = started.pid ?? 0;
    cleanup.addProcess(pid);
    child = started;
    startedAtMs = performance.now();
    disturbedAtMs = startedAtMs;
    started.once("exit", (code, signal) => {
      cleanup.removeProcess(pid);
      if (child !== started) return;
      child = null;
      disturbedAtMs = performance.now();
      onUnexpectedExit({ name, how: signal ?? `exit code ${String(code)}` });
      setTimeout(start, restartAfterMs).unref();
    });
  }

  /** Ends the process on purpose. Returns the exit code, or `null` if a signal ended it or it was not running. */
  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const stopping = child;
    if (stopping === null) return null;
    child = null;
    isFrozen = false;
    disturbedAtMs = performance.now();
    const exited = once(stopping, "exit") as Promise<[number | null]>;
    stopping.kill(signal);
    const [code] = await exited;
    return code;
  }

  return {
    name,
    logPath,
    start,
    kill: () => end("SIGKILL"),
    /** Stops the process as an orchestrator does. */
    stop: () => end("SIGTERM"),
    freeze(): void {
      isFrozen = true;
      disturbedAtMs = performance.now();
      child?.kill("SIGSTOP");
    },
    thaw(): void {
      if (isFrozen) child?.kill("SIGCONT");
      isFrozen = false;
      disturbedAtMs = performance.now();
    },
    /**
     * Whether the process is down or frozen, or was started, stopped, frozen or thawed after `sinceMs` (a value of
     * `performance.now()`).
     */
    wasDisturbed: (sinceMs: number) => child === null || isFrozen || disturbedAtMs >= sinceMs,
    /** Time since the last start, including the time to load the code. */
    ageMs: () => performance.now() - startedAtMs,
    /** Kills the process and prevents further starts. */
    async close(): Promise<void> {
      isClosed = true;
      await end("SIGKILL");
    },
  };
}

export type ProductProcess = ReturnType<typeof createProductProcess>;
