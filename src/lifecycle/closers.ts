import { endsWithin } from "../core/deadline.js";
import type { Logger } from "../telemetry/logger.js";
import { stopTimes } from "./lifecycle.js";

type Close = () => unknown;

export type CloserOptions = {
  /** The time limit of this closer, milliseconds. Closers without one share a limit. */
  timeoutMs?: number;
  /** Runs when the time limit has passed, to force the resource to close. */
  cutOff?: () => void;
};

type Closer = CloserOptions & { resource: string; close: Close };

/**
 * The closers of everything that a process opens. Register the closer of a resource directly after opening it; `close`
 * runs the closers in reverse order.
 *
 * A closer that fails or exceeds its time limit does not stop the others. A late closer is logged and no longer awaited;
 * it ends with the process. When the shared time is used up, the remaining closers are started but not awaited.
 */
export function createClosers({ log, sharedMs = stopTimes.closeMs }: { log: Logger; sharedMs?: number }) {
  const closers: Closer[] = [];
  let closing: Promise<void> | null = null;

  /** Throws the error of the closer. Exceeding the time limit is not a failure. */
  async function run({ resource, close, cutOff }: Closer, timeoutMs: number): Promise<void> {
    if (await endsWithin(Promise.resolve(close()), timeoutMs)) return;
    log.warn({ resource, timeoutMs }, "not closed in time");
    cutOff?.();
  }

  async function closeAll(): Promise<void> {
    const failures: { resource: string; error: unknown }[] = [];
    let remainingMs = sharedMs;
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) {
      const { resource, timeoutMs } = closer;
      const startedAtMs = performance.now();
      try {
        await run(closer, timeoutMs ?? remainingMs);
      } catch (error) {
        log.error({ resource, err: error }, "closing failed");
        failures.push({ resource, error });
      }
      if (timeoutMs === undefined) remainingMs = Math.max(0, remainingMs - (performance.now() - startedAtMs));
    }
    if (failures.length === 0) return;
    const names = failures.map(({ resource }) => resource).join(", ");
    throw new AggregateError(
      failures.map(({ error }) => error),
      `failed to close: ${names}`,
    );
  }

  /**
   * Closes everything once. Later calls return the promise of the first.
   * @throws AggregateError with every failure
   */
  const close = (): Promise<void> => (closing ??= closeAll());

  return {
    add(resource: string, close: Close, options: CloserOptions = {}): void {
      closers.push({ resource, close, ...options });
    },
    close,

    /** Runs `open`. If it throws, closes everything opened so far and rethrows the error. */
    async closeOnFailure<T>(open: () => Promise<T>): Promise<T> {
      try {
        return await open();
      } catch (error) {
        // Failures to close have been logged; the caller needs the first error.
        await close().catch(() => undefined);
        throw error;
      }
    },
  };
}

export type Closers = ReturnType<typeof createClosers>;
