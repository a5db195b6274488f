import { readStoreConfig } from "../config/config.js";
import { withDeadline } from "../core/deadline.js";
import { createMongoConnection } from "../mongo/connection.js";
import { createMappings, type Mappings } from "../mongo/mappings.js";
import { CliError } from "./command.js";

/** How long a command waits for MongoDB, milliseconds. */
const timeoutMs = 10_000;

const toTimeoutError = () =>
  new CliError("MongoDB is not responding; check MONGODB_URL, and that MongoDB is running");

/** Opens the mappings of `MONGODB_URL` for one command, and closes the connection when it ends. */
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
    await withDeadline(mongo.whenConnected, timeoutMs, toTimeoutError);
    return await use(createMappings(mongo));
  } finally {
    await mongo.close();
  }
}
