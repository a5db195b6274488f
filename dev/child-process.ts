import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { isStackFrame, parseLogLine, toReadableLine, type LogLine } from "./log-lines.js";

export type ProcessOptions = {
  /** The name in messages. */
  name: string;
  /** Arguments of `node`: its own options, the script, the script's arguments. */
  args: readonly string[];
  /** The complete environment of the process. */
  env: NodeJS.ProcessEnv;
  /** Called with each line that it prints, on either stream. */
  onLine?: (line: string) => void;
  /** How many of its last lines to keep. */
  maxLines?: number;
};

type ProcessExit = { code: number | null; signal: NodeJS.Signals | null };

const endWithParent = new URL("./end-with-parent.js", import.meta.url).href;

/** A process that has not stopped after this time is killed. */
const stopTimeoutMs = 10_000;

/** Enough lines to see why something went wrong. */
const lastLinesShown = 8;

/** Returns the last lines of a process in a readable format. */
export function toLastLines({ name, lines }: Pick<RunningProcess, "name" | "lines">): string[] {
  return lines()
    .filter((line) => line.trim() !== "" && !isStackFrame(line))
    .slice(-lastLinesShown)
    .map((line) => `${name}: ${toReadableLine(line)}`);
}

/**
 * Starts a Node.js process that ends when this one ends, even by SIGKILL.
 *
 * @returns functions to read the output of the process, to wait for its exit and to stop it.
 */
export function startProcess({ name, args, env, onLine, maxLines = 200 }: ProcessOptions) {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, ["--import", endWithParent, ...args], {
    env,
    stdio: ["pipe", "pipe", "pipe"],
    // A separate session: Ctrl-C in the terminal reaches only this process, which then stops the others in order.
    detached: true,
  });
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  // The pipe breaks when the process exits; `exited` reports that.
  child.stdin.on("error", () => undefined);

  function addLine(line: string): void {
    lines.push(line);
    if (lines.length > maxLines) lines.shift();
    onLine?.(line);
    for (const listener of listeners) listener(line);
  }
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", addLine);

  // "close" is emitted after the last line; "exit" may be emitted before it.
  const exited = new Promise<ProcessExit>((resolve) => {
    child.on("close", (code, signal) => {
      resolve({ code, signal });
    });
  });

  return {
    name,
    pid: child.pid ?? 0,
    exited,
    /** Returns the last lines that the process printed, oldest first. */
    lines: (): readonly string[] => lines,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,

    /**
     * Waits for the first log line with this message, which may have been printed already.
     *
     * @returns the line, with the time from the start of the process to the line as `afterMs`.
     * @throws Error with the last lines when the process exits first, or after the timeout.
     */
    async whenLogged(message: string, timeoutMs = 30_000): Promise<LogLine & { afterMs: number }> {
      const cancel = new AbortController();
      const logged = new Promise<LogLine>((resolve) => {
        const check = (line: string) => {
          const parsed = parseLogLine(line);
          if (parsed.msg === message) resolve(parsed);
        };
        listeners.add(check);
        cancel.signal.addEventListener("abort", () => listeners.delete(check));
        lines.forEach(check);
      });
      const fail = (what: string): never => {
        throw new Error([`the ${name} ${what}`, ...toLastLines({ name, lines: () => lines })].join("\n"));
      };
      const ended = exited.then(({ code, signal }) =>
        fail(`exited (${signal ?? `exit code ${String(code)}`})`),
      );
      const timedOut = delay(timeoutMs, undefined, { signal: cancel.signal }).then(() =>
        fail(`did not log "${message}" within ${timeoutMs / 1000} s`),
      );
      try {
        const line = await Promise.race([logged, ended, timedOut]);
        return { ...line, afterMs: Math.round(performance.now() - startedAtMs) };
      } finally {
        cancel.abort();
        timedOut.catch(() => undefined);
        ended.catch(() => undefined);
      }
    },

    kill(signal: NodeJS.Signals): void {
      child.kill(signal);
    },

    /** Sends SIGTERM, and SIGKILL after the timeout. May be called more than once. */
    async stop(timeoutMs = stopTimeoutMs): Promise<ProcessExit> {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      return exited.finally(() => {
        clearTimeout(timer);
      });
    },
  };
}

export type RunningProcess = ReturnType<typeof startProcess>;
