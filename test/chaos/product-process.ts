import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { once } from "node:events";

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

/** An orchestrator starts a process again that ended by itself, after a moment. */
const restartAfterMs = 1_000;

/**
 * A process of the product, to be killed, frozen and started again. Like under an orchestrator, it is started again
 * when it ends by itself; that is reported.
 */
export function createProductProcess(recipe: ProcessRecipe, onUnaskedEnd: (end: UnaskedEnd) => void) {
  const { name, args, env, logPath } = recipe;
  let child: ChildProcess | null = null;
  let isFrozen = false;
  let isOver = false;
  // However this process ends, nothing of it stays behind.
  process.once("exit", () => child?.kill("SIGKILL"));

  function start(): void {
    if (child !== null || isOver) return;
    const log = openSync(logPath, "a");
    const started = spawn(process.execPath, [...args], { env, stdio: ["ignore", log, log] });
    closeSync(log);
    child = started;
    started.once("exit", (code, signal) => {
      if (child !== started) return;
      child = null;
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
      child?.kill("SIGSTOP");
    },
    thaw(): void {
      if (isFrozen) child?.kill("SIGCONT");
      isFrozen = false;
    },
    /** Ends it for good. */
    async close(): Promise<void> {
      isOver = true;
      await end("SIGKILL");
    },
  };
}

export type ProductProcess = ReturnType<typeof createProductProcess>;
