import { createLifecycle, type Lifecycle, type Stoppable } from "../lifecycle/lifecycle.js";
import { CliError, type CliCommand } from "./command.js";

/** Never resolves: the lifecycle ends the process. */
const forever = () => new Promise<number>(() => undefined);

/** Creates a command that runs a process until its lifecycle ends it. Throws {@link CliError} if it cannot start. */
export const toProcessCommand = <C>(
  readConfig: () => C,
  start: (config: C, lifecycle: Lifecycle) => Promise<Stoppable>,
): CliCommand => ({
  async run() {
    const config = readConfig();
    const lifecycle = createLifecycle();
    try {
      lifecycle.run(await start(config, lifecycle));
    } catch (error) {
      throw toStartError(error);
    }
    return forever();
  },
});

function toStartError(error: unknown): unknown {
  const { code, port } = error as { code?: string; port?: number };
  if (code === "EADDRINUSE")
    return new CliError(`port ${String(port)} is in use; set GATEWAY_PORT or ADMIN_PORT`);
  if (code === "EACCES" || code === "EADDRNOTAVAIL") {
    return new CliError(
      `cannot listen on the address (${code}); check GATEWAY_HOST, GATEWAY_PORT, ADMIN_HOST and ADMIN_PORT`,
    );
  }
  return error;
}
