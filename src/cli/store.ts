import { readStoreConfig } from "../config.js";
import { createMongoConnection } from "../mongo/connection.js";
import { createMappings, type Mappings } from "../mongo/mappings.js";
import { Failure } from "./failure.js";

/** How long a command waits for MongoDB, milliseconds. */
const patienceMs = 10_000;

/** Opens the store of the settings for one command, and closes it whatever happens. */
export async function withMappings<T>(use: (mappings: Mappings) => Promise<T>): Promise<T> {
  const { mongodbUrl } = readStoreConfig();
  const mongo = createMongoConnection({
    url: mongodbUrl,
    appName: "vital-gateway cli",
    serverSelectionTimeoutMs: patienceMs,
    // An index on a large collection takes its time.
    socketTimeoutMs: 0,
    maxPoolSize: 5,
  });
  try {
    await withPatience(mongo.whenConnected);
    return await use(createMappings(mongo.connection));
  } finally {
    await mongo.close();
  }
}

async function withPatience(connected: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Failure("MongoDB does not answer; is MONGODB_URL right, and is it running?"));
    }, patienceMs);
  });
  await Promise.race([connected, timeout]).finally(() => {
    clearTimeout(timer);
  });
}
