import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { readGatewayConfig, readWorkerConfig } from "../config.js";
import { startGateway } from "../gateway.js";
import { createLifecycle, type Lifecycle, type Stoppable } from "../process.js";
import { startWorker } from "../worker.js";
import type { CliCommand } from "./command.js";
import { Failure } from "./failure.js";

/** Resolves never: the process ends by its lifecycle. */
const forever = () => new Promise<number>(() => undefined);

async function runForever(start: (lifecycle: Lifecycle) => Promise<Stoppable>): Promise<number> {
  const lifecycle = createLifecycle();
  try {
    lifecycle.run(await start(lifecycle));
  } catch (error) {
    throw toStartFailure(error);
  }
  return forever();
}

function toStartFailure(error: unknown): unknown {
  const { code, port } = error as { code?: string; port?: number };
  if (code === "EADDRINUSE")
    return new Failure(`port ${String(port)} is in use; set GATEWAY_PORT or ADMIN_PORT`);
  if (code === "EACCES" || code === "EADDRNOTAVAIL") {
    return new Failure(
      `the address cannot be listened on (${code}); look at GATEWAY_HOST, GATEWAY_PORT and ADMIN_*`,
    );
  }
  return error;
}

export const gatewayCommand: CliCommand = {
  name: "gateway",
  summary: "run the HTTP process: GraphQL for apps, events from signup services",
  run: () => {
    const config = readGatewayConfig();
    return runForever((lifecycle) => startGateway(config, lifecycle));
  },
};

export const workerCommand: CliCommand = {
  name: "worker",
  summary: "run a worker process: provisions and deprovisions Vital users",
  run: () => {
    const config = readWorkerConfig();
    return runForever((lifecycle) => startWorker(config, lifecycle));
  },
};

/** The simulator is Vital's side of the wire: a process of its own that shares nothing with the product. */
export const simulatorCommand: CliCommand = {
  name: "simulator",
  summary: "run a local Vital to develop and test against",
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
