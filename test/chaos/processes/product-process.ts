import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { once } from "node:events";
import type { CleanupProcess } from "./cleanup.js";

export type ProcessOptions = {
  name: string;
  /** Script and arguments for Node.js. */
  args: readonly string[];
  env: Record<string, string>;
  /** Takes what the process writes. */
  logPath: string;
};

/** How a process ended that nobody had told to end. */
export type UnexpectedExit = { name: string; how: string };

/** What processes need of those who run them. */
export type ProcessSupervisor = { cleanup: CleanupProcess; onUnexpectedExit: (end: UnexpectedExit) => void };

/** An orchestrator starts a process again that ended by itself, after a moment. */
const restartAfterMs = 1_000;

/**
 * A process of the product, to be killed, frozen and started again. Like under an orchestrator, it is started again
 * when it ends by itself; that is reported.
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
  // However this process ends, nothing of it stays behind; where this is not run, the guard sees to it.
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

  /** Ends it on purpose; gives the exit code, `null` for an end by signal. */
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
    /** As an orchestrator stops it. */
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
    /** Whether it is down or frozen, or has been started or hurt at any time since (by `performance.now()`). */
    wasDisturbed: (sinceMs: number) => child === null || isFrozen || disturbedAtMs >= sinceMs,
    /** For how long it has been up, loading its code included, milliseconds. */
    ageMs: () => performance.now() - startedAtMs,
    /** Ends it for good. */
    async close(): Promise<void> {
      isClosed = true;
      await end("SIGKILL");
    },
  };
}

export type ProductProcess = ReturnType<typeof createProductProcess>;
