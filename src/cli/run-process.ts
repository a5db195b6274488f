import { createLifecycle, type Lifecycle, type Stoppable } from "../lifecycle/lifecycle.js";
import { CliError, type CliCommand } from "./command.js";

/** Resolves never: the process ends by its lifecycle. */
const forever = () => new Promise<number>(() => undefined);

/** A command that runs a process until its lifecycle ends it, or throws a {@link CliError} when it cannot start. */
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
      `the address cannot be listened on (${code}); look at GATEWAY_HOST, GATEWAY_PORT and ADMIN_*`,
    );
  }
  return error;
}
