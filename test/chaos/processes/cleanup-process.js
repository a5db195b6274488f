/**
 * Outlives a run for one moment: when the run is gone, in whatever way, it kills the processes that the run has left
 * and removes its folders.
 *
 * The standard input is a pipe to the run. The kernel closes it however the run ends, SIGKILL included. The processes
 * cannot watch for that themselves: a frozen one does nothing until somebody kills it. Orders come in as JSON lines:
 *   {"born": 1} · {"gone": 1} a process id · {"folder": "/path"} · {"keep": "/path"}
 *
 * Plain JavaScript, because it starts several times faster than anything that has to be compiled first.
 */
import { rmSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";

const pids = new Set();
const folders = new Set();
const orders = {
  born: (pid) => pids.add(pid),
  gone: (pid) => pids.delete(pid),
  folder: (path) => folders.add(path),
  keep: (path) => folders.delete(path),
};

function end() {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

// Ctrl-C in a terminal reaches the whole group; only the closed pipe decides.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => undefined);
createInterface({ input: process.stdin })
  .on("line", (line) => {
    for (const [order, value] of Object.entries(JSON.parse(line))) orders[order](value);
  })
  .on("close", end);
