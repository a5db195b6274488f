import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("./cleanup-process.js", import.meta.url));

type Order = { born: number } | { gone: number } | { folder: string } | { keep: string };

/**
 * Starts the process that clears up when this one is gone, however it ends: kills the processes that it was told of,
 * frozen ones too, and removes folders.
 */
export function startGuard() {
  // A session of its own: signals of the terminal do not reach it.
  const child = spawn(process.execPath, [script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  // A guard that somebody killed guards nothing, and is no reason to fail.
  child.stdin.on("error", () => undefined);
  const tell = (order: Order) => {
    child.stdin.write(`${JSON.stringify(order)}\n`);
  };

  return {
    pid: child.pid ?? 0,
    /** A process to be killed, until it is gone. */
    born: (pid: number) => {
      tell({ born: pid });
    },
    gone: (pid: number) => {
      tell({ gone: pid });
    },
    /** A folder to be removed. */
    folder: (path: string) => {
      tell({ folder: path });
    },
    /** A folder that stays after all. */
    keep: (path: string) => {
      tell({ keep: path });
    },
  };
}

export type Guard = ReturnType<typeof startGuard>;
