import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("./cleanup-process.js", import.meta.url));

type Command =
  { addProcess: number } | { removeProcess: number } | { addFolder: string } | { keepFolder: string };

/**
 * Starts the process that clears up when this one is gone, however it ends: kills the processes that it was told of,
 * frozen ones too, and removes folders.
 */
export function startCleanupProcess() {
  // A session of its own: signals of the terminal do not reach it.
  const child = spawn(process.execPath, [script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  // A guard that somebody killed guards nothing, and is no reason to fail.
  child.stdin.on("error", () => undefined);
  const send = (order: Command) => {
    child.stdin.write(`${JSON.stringify(order)}\n`);
  };

  return {
    pid: child.pid ?? 0,
    /** A process to be killed, until it is gone. */
    addProcess: (pid: number) => {
      send({ addProcess: pid });
    },
    removeProcess: (pid: number) => {
      send({ removeProcess: pid });
    },
    /** A folder to be removed. */
    addFolder: (path: string) => {
      send({ addFolder: path });
    },
    /** A folder that stays after all. */
    keepFolder: (path: string) => {
      send({ keepFolder: path });
    },
  };
}

export type CleanupProcess = ReturnType<typeof startCleanupProcess>;
