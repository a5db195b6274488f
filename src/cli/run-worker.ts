import { readWorkerConfig } from "../config/config.js";
import { startWorker } from "../worker.js";
import type { CliCommand } from "./command.js";
import { runForever } from "./run-process.js";

export const workerCommand: CliCommand = {
  run: () => {
    const config = readWorkerConfig();
    return runForever((lifecycle) => startWorker(config, lifecycle));
  },
};
