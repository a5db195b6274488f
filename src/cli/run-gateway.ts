import { readGatewayConfig } from "../config/config.js";
import { startGateway } from "../gateway.js";
import type { CliCommand } from "./command.js";
import { runForever } from "./run-process.js";

export const gatewayCommand: CliCommand = {
  run: () => {
    const config = readGatewayConfig();
    return runForever((lifecycle) => startGateway(config, lifecycle));
  },
};
