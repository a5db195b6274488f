import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { CliError, type CliCommand } from "./command.js";

function findEntryPoint(): string {
  const isSource = import.meta.url.endsWith(".ts");
  const path = fileURLToPath(new URL(`../../simulator/main.${isSource ? "ts" : "js"}`, import.meta.url));
  if (existsSync(path)) return path;
  throw new CliError(
    [
      "The npm package does not contain the simulator. It is part of the repository and of the container image:",
      "  repository: npm run build && node dist/src/cli.js simulator",
      "  container:  docker compose --profile simulator up simulator",
    ].join("\n"),
  );
}

/** The simulator is a separate process that shares no code with the product. */
export const simulatorCommand: CliCommand = {
  async run() {
    const entryPoint = findEntryPoint();
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [...process.execArgv, entryPoint], { stdio: "inherit" });
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => child.kill(signal));
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  },
};
