import { readStoreConfig } from "../config/config.js";
import { ServiceError } from "../core/errors.js";
import { createMongoConnection } from "../mongo/connection.js";
import type { MongoFailure } from "../mongo/failure.js";
import { createMappings, type Mappings } from "../mongo/mappings.js";
import { CliError } from "./command.js";

/** How long a command waits for MongoDB, milliseconds: longer than an election. */
const timeoutMs = 10_000;

const toError = ({ reason, fix }: MongoFailure) => new CliError(`MongoDB: ${reason}\nFix: ${fix}`);

/**
 * Opens the mappings of `MONGODB_URL` for one command, and closes the connection when it ends.
 *
 * @throws {CliError} with the reason of the driver and a fix, when MongoDB is unavailable
 */
export async function withMappings<T>(use: (mappings: Mappings) => Promise<T>): Promise<T> {
  const { mongodbUrl } = readStoreConfig();
  const mongo = createMongoConnection({
    url: mongodbUrl,
    appName: "vital-gateway cli",
    serverSelectionTimeoutMs: timeoutMs,
    // Creating an index on a large collection is slow.
    socketTimeoutMs: 0,
    maxPoolSize: 5,
  });
  try {
    const failure = await mongo.whenFirstAttemptEnded;
    if (failure !== null) throw toError(failure);
    return await use(createMappings(mongo));
  } catch (error) {
    const failure = mongo.lastFailure();
    throw error instanceof ServiceError && failure !== null ? toError(failure) : error;
  } finally {
    await mongo.close();
  }
}
