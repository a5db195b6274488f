import { createLifecycle, type Lifecycle, type Stoppable } from "../lifecycle/lifecycle.js";
import { Failure } from "./failure.js";

/** Resolves never: the process ends by its lifecycle. */
const forever = () => new Promise<number>(() => undefined);

/** Runs a long-lived process; it ends by its lifecycle, or with a {@link Failure} when it cannot start. */
export async function runForever(start: (lifecycle: Lifecycle) => Promise<Stoppable>): Promise<number> {
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
