import { ServiceError } from "../core/errors.js";

/** How long a caller is told to wait for MongoDB, milliseconds: an election takes about that. */
const retryAfterMs = 2_000;

/** What a failed operation on MongoDB is for the rest of the product: storage that does not answer now. */
export function toStorageError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const name = error instanceof Error ? error.name : "unknown error";
  return new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs, reason: `MongoDB: ${name}`, cause: error });
}

/** Runs an operation on MongoDB and gives its failures as {@link ServiceError}. */
export async function withStorageErrors<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw toStorageError(error);
  }
}
