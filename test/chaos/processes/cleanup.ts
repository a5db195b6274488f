import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("./cleanup-process.js", import.meta.url));

export type CleanupCommand =
  { addProcess: number } | { removeProcess: number } | { addFolder: string } | { keepFolder: string };

/**
 * Starts a process that cleans up when this process has ended for any reason: it kills the registered processes, frozen ones
 * included, and removes the registered folders.
 */
export function startCleanupProcess() {
  // Detached, so that Ctrl-C in a terminal does not signal it.
  const child = spawn(process.execPath, [script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  // If the cleanup process is killed, the run continues without it.
  child.stdin.on("error", () => undefined);
  const send = (command: CleanupCommand) => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
  };

  return {
    pid: child.pid ?? 0,
    /** Registers a process to kill. */
    addProcess: (pid: number) => {
      send({ addProcess: pid });
    },
    /** Unregisters a process that has exited. */
    removeProcess: (pid: number) => {
      send({ removeProcess: pid });
    },
    /** Registers a folder to remove. */
    addFolder: (path: string) => {
      send({ addFolder: path });
    },
    /** Unregisters a folder, so that it is kept. */
    keepFolder: (path: string) => {
      send({ keepFolder: path });
    },
  };
}

export type CleanupProcess = ReturnType<typeof startCleanupProcess>;
