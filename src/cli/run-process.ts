import { createLifecycle, type Lifecycle, type Stoppable } from "../lifecycle/lifecycle.js";
import { CliError, type CliCommand } from "./command.js";

type ListenError = NodeJS.ErrnoException & { port?: number; hostname?: string; address?: string };

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

/** Failures of `listen`, which are about the address. */
const listenCalls = ["listen", "bind", "getaddrinfo"];

function toStartError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code = "unknown error", port, syscall, hostname, address } = error as ListenError;
  if (code === "EADDRINUSE")
    return new CliError(`port ${String(port)} is in use; set GATEWAY_PORT or ADMIN_PORT`);
  if (syscall === undefined || !listenCalls.includes(syscall)) return error;
  return new CliError(
    `cannot listen on ${hostname ?? address ?? "the address"} (${code}); check GATEWAY_HOST, GATEWAY_PORT, ADMIN_HOST and ADMIN_PORT`,
  );
}
