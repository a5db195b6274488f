import { withDeadline } from "../core/deadline.js";
import { ServiceError } from "../core/errors.js";

/** How long a caller should wait before it retries, milliseconds: about as long as an election takes. */
const retryAfterMs = 2_000;

/** Runs one operation on MongoDB. Every failure is a {@link ServiceError}. */
export type RunOperation = <T>(operation: () => Promise<T>) => Promise<T>;

/** Converts a failure of MongoDB to the error that the core knows: storage that is not responding. */
export function toStorageError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const name = error instanceof Error ? error.name : "unknown error";
  return new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs, reason: `MongoDB: ${name}`, cause: error });
}

/**
 * Creates a runner that bounds every operation.
 *
 * The driver's own timeouts do not: when a server is killed, one operation in some hundreds (driver 7.5, measured)
 * never settles, and its caller would wait forever. What such an operation does later is unknown.
 *
 * @param timeoutMs 0 for no limit
 * @param onFailure is called with the error of the driver
 */
export function createOperations(
  timeoutMs: number,
  onFailure: (error: unknown) => void = () => undefined,
): RunOperation {
  const toTimeoutError = () =>
    new ServiceError("SERVICE_UNAVAILABLE", {
      retryAfterMs,
      reason: `MongoDB: no response within ${timeoutMs} ms`,
    });

  return async (operation) => {
    try {
      const work = operation();
      return await (timeoutMs === 0 ? work : withDeadline(work, timeoutMs, toTimeoutError));
    } catch (error) {
      onFailure(error);
      throw toStorageError(error);
    }
  };
}
