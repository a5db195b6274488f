import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import type { CliCommand } from "./command.js";

/** The simulator is Vital's side of the wire: a process of its own that shares nothing with the product. */
export const simulatorCommand: CliCommand = {
  run: () =>
    new Promise((resolve) => {
      const isSource = import.meta.url.endsWith(".ts");
      const entry = fileURLToPath(new URL(`../../simulator/main.${isSource ? "ts" : "js"}`, import.meta.url));
      const child = spawn(process.execPath, [...process.execArgv, entry], { stdio: "inherit" });
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => child.kill(signal));
      child.on("exit", (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    }),
};
