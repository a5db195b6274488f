/**
 * Cleans up after a chaos run. When the run has ended for any reason, this process kills the processes that are still
 * registered, removes the registered folders, and exits.
 *
 * Its standard input is a pipe from the run. The kernel closes the pipe when the run ends, even by SIGKILL. The
 * processes cannot watch the pipe themselves, because a frozen process does nothing until it is killed. Commands
 * arrive as JSON lines, with a process id or a path:
 *   {"addProcess": 1} · {"removeProcess": 1} · {"addFolder": "/path"} · {"keepFolder": "/path"}
 *
 * This is plain JavaScript, because it starts several times faster than anything that must be compiled first.
 */
import { rmSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";

const pids = new Set();
const folders = new Set();
const commands = {
  addProcess: (pid) => pids.add(pid),
  removeProcess: (pid) => pids.delete(pid),
  addFolder: (path) => folders.add(path),
  keepFolder: (path) => folders.delete(path),
};

function cleanUp() {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // The process has already exited.
    }
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

// Only the closed pipe means that the run has ended.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => undefined);
createInterface({ input: process.stdin })
  .on("line", (line) => {
    for (const [command, value] of Object.entries(JSON.parse(line))) commands[command](value);
  })
  .on("close", cleanUp);
