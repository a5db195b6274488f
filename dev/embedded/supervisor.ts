import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Environment } from "../../src/config/settings-reader.js";

/** How a server ended, with the last lines that it wrote. */
export type ServerExit = { code: number | null; signal: NodeJS.Signals | null; lastLines: string[] };

export type SupervisedServer = {
  pid: number;
  exited: Promise<ServerExit>;
  /** Sends a signal to it; does nothing when it has ended already. */
  kill(signal: NodeJS.Signals): void;
};

type Report = Partial<ServerExit> & { folder?: string; pid?: number; failed?: string };

const script = fileURLToPath(new URL("./supervisor-process.js", import.meta.url));

/** What a server needs of the environment; the rest may hold secrets that are none of its business. */
function toServerEnvironment(env: Environment): NodeJS.ProcessEnv {
  const names = ["PATH", "HOME", "TMPDIR", "TMP", "TEMP", "LD_LIBRARY_PATH"];
  const kept = names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  // A locale that the machine lacks would stop mongod.
  return { ...Object.fromEntries(kept), LC_ALL: "C" };
}

function toExit({ code = null, signal = null, lastLines = [] }: Report): ServerExit {
  return { code, signal, lastLines };
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * Starts a process that owns a temporary folder and at most one server at a time, and that ends both when this
 * process ends, in whatever way.
 *
 * @returns the folder; `spawnServer`, which resolves as soon as the server has a process id; `stop`, which resolves
 * when server and folder are gone.
 */
export async function startSupervisor(env: Environment) {
  const child = spawn(process.execPath, [script], {
    // A session of its own: signals of the terminal do not reach it.
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
    env: toServerEnvironment(env),
  });
  const ended = once(child, "exit");
  // An order to a supervisor that somebody killed: the missing report says it.
  child.stdin.on("error", () => undefined);
  const lines = createInterface({ input: child.stdout });
  const reports = lines[Symbol.asyncIterator]();

  const nextReport = async (): Promise<Report> => {
    const next = await reports.next();
    if (next.done === true) throw new Error("The supervisor of the embedded server has ended.");
    return JSON.parse(next.value) as Report;
  };

  const { folder } = await nextReport();
  if (folder === undefined) throw new Error("The supervisor of the embedded server reported no folder.");

  return {
    folder,

    spawnServer: async (command: string, args: readonly string[]): Promise<SupervisedServer> => {
      child.stdin.write(`${JSON.stringify({ command, args })}\n`);
      const { pid, failed } = await nextReport();
      if (pid === undefined) throw new Error(`${command} cannot be started: ${failed ?? "unknown reason"}`);
      const exited = nextReport().then(toExit, () => toExit({}));
      return {
        pid,
        exited,
        kill: (signal) => {
          sendSignal(pid, signal);
        },
      };
    },

    stop: async (): Promise<void> => {
      child.stdin.end();
      await ended;
    },
  };
}

export type Supervisor = Awaited<ReturnType<typeof startSupervisor>>;
