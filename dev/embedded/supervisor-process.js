/**
 * Runs one server in a temporary folder for as long as the process that started this script lives.
 *
 * Standard input is a pipe to that process. The kernel closes it when the process ends, even by SIGKILL. This script
 * then kills the server and removes the folder. Commands come in and reports go out as JSON lines:
 *   in   {"command": "/path/to/server", "args": []}
 *   out  {"folder": "…"} · {"pid": 1} · {"code": 0, "signal": null, "lastLines": []} · {"failed": "reason"}
 *
 * Plain JavaScript, because it starts several times faster than a script that must be compiled first.
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

  const removeFolder = () => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    process.exit(0);
  };
  const end = () => {
    if (server === null) return removeFolder();
    server.on("exit", removeFolder);
    // The data is for this run only, so there is no need for a graceful stop. SIGKILL also ends a paused process.
    server.kill("SIGKILL");
  };

  report({ folder });
  createInterface({ input: process.stdin })
    .on("line", (line) => start(JSON.parse(line)))
    .on("close", end);
}

// Ctrl-C in a terminal reaches the whole process group. Only the closed pipe ends this process.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => undefined);
// After the parent has ended, nothing reads the reports.
process.stdout.on("error", () => undefined);
supervise();
