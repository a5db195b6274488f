import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Environment } from "../../src/config/settings-reader.js";

/** How a server exited, with its last lines of output. */
export type ServerExit = { code: number | null; signal: NodeJS.Signals | null; lastLines: string[] };

export type SupervisedServer = {
  pid: number;
  exited: Promise<ServerExit>;
  /** Sends a signal to the server. Does nothing after the server has exited. */
  kill(signal: NodeJS.Signals): void;
};

type Report = Partial<ServerExit> & { folder?: string; pid?: number; failed?: string };

const script = fileURLToPath(new URL("./supervisor-process.js", import.meta.url));

/** Returns the variables that a server needs. The others may contain secrets. */
function toServerEnvironment(env: Environment): NodeJS.ProcessEnv {
  const names = ["PATH", "HOME", "TMPDIR", "TMP", "TEMP", "LD_LIBRARY_PATH"];
  const kept = names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  // mongod does not start with a locale that is not installed.
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
 * Starts a process that owns a temporary folder and at most one server at a time. It kills the server and removes the
 * folder when this process ends, even by SIGKILL.
 *
 * @returns the folder; `spawnServer`, which resolves when the server has a process id; `stop`, which resolves when the
 * server has exited and the folder is removed.
 */
export async function startSupervisor(env: Environment) {
  const child = spawn(process.execPath, [script], {
    // A separate session: signals from the terminal do not reach it.
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
    env: toServerEnvironment(env),
  });
  const ended = once(child, "exit");
  // Emitted when the supervisor was killed; waiting for its next report then fails.
  child.stdin.on("error", () => undefined);
  const lines = createInterface({ input: child.stdout });
  const reports = lines[Symbol.asyncIterator]();

  const nextReport = async (): Promise<Report> => {
    const next = await reports.next();
    if (next.done === true) throw new Error("The supervisor of the embedded server has exited.");
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
