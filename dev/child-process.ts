import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { isStackFrame, parseLogLine, toReadableLine, type LogLine } from "./log-lines.js";

export type ProcessOptions = {
  /** What people call it. */
  name: string;
  /** Arguments of `node`: its own options, the script, the script's arguments. */
  args: readonly string[];
  /** Its whole environment. */
  env: NodeJS.ProcessEnv;
  /** Takes each line that it prints, on either stream. */
  onLine?: (line: string) => void;
  /** How many of its last lines are kept. */
  maxLines?: number;
};

export type ProcessExit = { code: number | null; signal: NodeJS.Signals | null };

const endWithParent = new URL("./end-with-parent.js", import.meta.url).href;

/** A process is asked to stop, and after this long it is not asked any more, milliseconds. */
const stopTimeoutMs = 10_000;

/** As many lines as help to see why something went wrong. */
const lastLinesShown = 8;

/** The last that a process said, for a person. */
export function toLastLines({ name, lines }: Pick<RunningProcess, "name" | "lines">): string[] {
  return lines()
    .filter((line) => line.trim() !== "" && !isStackFrame(line))
    .slice(-lastLinesShown)
    .map((line) => `${name}: ${toReadableLine(line)}`);
}

/**
 * Starts a process of Node's that ends with this one, however that ends.
 *
 * @returns the running process: its lines, its end, and the ways to bring that about.
 */
export function startProcess({ name, args, env, onLine, maxLines = 200 }: ProcessOptions) {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, ["--import", endWithParent, ...args], {
    env,
    stdio: ["pipe", "pipe", "pipe"],
    // A session of its own: Ctrl-C in the terminal reaches this process alone, which stops the others in order.
    detached: true,
  });
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  // The pipe breaks when the process ends; that is news elsewhere.
  child.stdin.on("error", () => undefined);

  function addLine(line: string): void {
    lines.push(line);
    if (lines.length > maxLines) lines.shift();
    onLine?.(line);
    for (const listener of listeners) listener(line);
  }
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", addLine);

  // "close" comes after the last line, "exit" may come before it.
  const exited = new Promise<ProcessExit>((resolve) => {
    child.on("close", (code, signal) => {
      resolve({ code, signal });
    });
  });

  return {
    name,
    pid: child.pid ?? 0,
    exited,
    /** The last lines that it printed, the oldest first. */
    lines: (): readonly string[] => lines,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,

    /**
     * Gives the first log line with this phrase, printed already or yet to come, and how long after the start it came.
     * @throws Error with its last lines when the process ends before, or says nothing of the kind within the time
     */
    async whenLogged(phrase: string, timeoutMs = 30_000): Promise<LogLine & { afterMs: number }> {
      const cancel = new AbortController();
      const logged = new Promise<LogLine>((resolve) => {
        const look = (line: string) => {
          const parsed = parseLogLine(line);
          if (parsed.msg === phrase) resolve(parsed);
        };
        listeners.add(look);
        cancel.signal.addEventListener("abort", () => listeners.delete(look));
        lines.forEach(look);
      });
      const failBecause = (what: string): never => {
        throw new Error([`the ${name} ${what}`, ...toLastLines({ name, lines: () => lines })].join("\n"));
      };
      const ended = exited.then(({ code, signal }) =>
        failBecause(`ended (${signal ?? `exit code ${String(code)}`})`),
      );
      const late = delay(timeoutMs, undefined, { signal: cancel.signal }).then(() =>
        failBecause(`is not up after ${timeoutMs / 1000} s`),
      );
      try {
        const line = await Promise.race([logged, ended, late]);
        return { ...line, afterMs: Math.round(performance.now() - startedAtMs) };
      } finally {
        cancel.abort();
        late.catch(() => undefined);
        ended.catch(() => undefined);
      }
    },

    kill(signal: NodeJS.Signals): void {
      child.kill(signal);
    },

    /** Asks it to stop, and kills it when it does not. May be called more than once. */
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
