import { withDeadline } from "../core/deadline.js";
import { ServiceError } from "../core/errors.js";

/** How long a caller is told to wait for MongoDB, milliseconds: an election takes about that. */
const retryAfterMs = 2_000;

/** Runs one operation on MongoDB; whatever goes wrong with it is a {@link ServiceError}. */
export type RunOperation = <T>(operation: () => Promise<T>) => Promise<T>;

/** What a failed operation on MongoDB is for the rest of the product: storage that does not answer now. */
export function toStorageError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const name = error instanceof Error ? error.name : "unknown error";
  return new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs, reason: `MongoDB: ${name}`, cause: error });
}

/**
 * Gives every operation an end.
 *
 * The driver's own time-outs do not: when a server is killed, one operation in some hundreds (driver 7.5, measured)
 * never settles, and whoever waits for it would wait for ever. What such an operation does later is unknown.
 *
 * @param timeoutMs 0 for operations that may take as long as they like
 */
export function createOperations(timeoutMs: number): RunOperation {
  const toTimeoutError = () =>
    new ServiceError("SERVICE_UNAVAILABLE", {
      retryAfterMs,
      reason: `MongoDB: no answer within ${timeoutMs} ms`,
    });

  return async (operation) => {
    try {
      const work = operation();
      return await (timeoutMs === 0 ? work : withDeadline(work, timeoutMs, toTimeoutError));
    } catch (error) {
      throw toStorageError(error);
    }
  };
}
