import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { once } from "node:events";
import type { Guard } from "./cleanup.js";

export type ProcessRecipe = {
  name: string;
  /** Script and arguments for Node.js. */
  args: readonly string[];
  env: Record<string, string>;
  /** Takes what the process writes. */
  logPath: string;
};

/** How a process ended that nobody had told to end. */
export type UnaskedEnd = { name: string; how: string };

/** What processes need of those who run them. */
export type ProcessKeeper = { guard: Guard; onUnaskedEnd: (end: UnaskedEnd) => void };

/** An orchestrator starts a process again that ended by itself, after a moment. */
const restartAfterMs = 1_000;

/**
 * A process of the product, to be killed, frozen and started again. Like under an orchestrator, it is started again
 * when it ends by itself; that is reported.
 */
export function createProductProcess(recipe: ProcessRecipe, { guard, onUnaskedEnd }: ProcessKeeper) {
  const { name, args, env, logPath } = recipe;
  let child: ChildProcess | null = null;
  let isFrozen = false;
  let isOver = false;
  let startedAtMs = -Infinity;
  let hurtAtMs = -Infinity;
  // However this process ends, nothing of it stays behind; where this is not run, the guard sees to it.
  process.once("exit", () => child?.kill("SIGKILL"));

  function start(): void {
    if (child !== null || isOver) return;
    const log = openSync(logPath, "a");
    const started = spawn(process.execPath, ["--trace-warnings", ...args], {
      env,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const pid = started.pid ?? 0;
    guard.born(pid);
    child = started;
    startedAtMs = performance.now();
    hurtAtMs = startedAtMs;
    started.once("exit", (code, signal) => {
      guard.gone(pid);
      if (child !== started) return;
      child = null;
      hurtAtMs = performance.now();
      onUnaskedEnd({ name, how: signal ?? `exit code ${String(code)}` });
      setTimeout(start, restartAfterMs).unref();
    });
  }

  /** Ends it on purpose; gives the exit code, `null` for an end by signal. */
  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const ending = child;
    if (ending === null) return null;
    child = null;
    isFrozen = false;
    hurtAtMs = performance.now();
    const exited = once(ending, "exit") as Promise<[number | null]>;
    ending.kill(signal);
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
      hurtAtMs = performance.now();
      child?.kill("SIGSTOP");
    },
    thaw(): void {
      if (isFrozen) child?.kill("SIGCONT");
      isFrozen = false;
      hurtAtMs = performance.now();
    },
    /** Whether it is down or frozen, or has been started or hurt at any time since (by `performance.now()`). */
    wasHurt: (sinceMs: number) => child === null || isFrozen || hurtAtMs >= sinceMs,
    /** For how long it has been up, loading its code included, milliseconds. */
    ageMs: () => performance.now() - startedAtMs,
    /** Ends it for good. */
    async close(): Promise<void> {
      isOver = true;
      await end("SIGKILL");
    },
  };
}

export type ProductProcess = ReturnType<typeof createProductProcess>;
