/**
 * Keeps one server and its temporary folder for as long as the process that started this script lives.
 *
 * The standard input is a pipe to that process. The kernel closes it however the process ends, SIGKILL included;
 * that is the sign to kill the server and remove the folder. Orders come in and reports go out as JSON lines:
 *   in   {"command": "/path/to/server", "args": []}
 *   out  {"folder": "…"} · {"pid": 1} · {"code": 0, "signal": null, "lastLines": []} · {"failed": "reason"}
 *
 * Plain JavaScript, because it starts several times faster than anything that has to be compiled first.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

const lastLinesShown = 8;

function readLastLines(path) {
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-lastLinesShown);
}

function supervise() {
  const folder = mkdtempSync(join(tmpdir(), "vital-gateway-"));
  const logPath = join(folder, "server.log");
  const report = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
  let server = null;

  const start = ({ command, args }) => {
    const log = openSync(logPath, "w");
    const started = spawn(command, args, { cwd: folder, stdio: ["ignore", log, log] });
    closeSync(log);
    server = started;
    started.on("spawn", () => report({ pid: started.pid }));
    started.on("error", (error) => report({ failed: error.message }));
    started.on("exit", (code, signal) => {
      server = null;
      report({ code, signal, lastLines: readLastLines(logPath) });
    });
  };

  const clear = () => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    process.exit(0);
  };
  const end = () => {
    if (server === null) return clear();
    server.on("exit", clear);
    // The data is for this run only: nothing is worth a slower end. SIGKILL also reaches a stopped process.
    server.kill("SIGKILL");
  };

  report({ folder });
  createInterface({ input: process.stdin })
    .on("line", (line) => start(JSON.parse(line)))
    .on("close", end);
}

// Ctrl-C in a terminal reaches the whole group; only the closed pipe decides.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => undefined);
// With the parent gone there is nobody to report to.
process.stdout.on("error", () => undefined);
supervise();
