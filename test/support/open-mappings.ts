import { onTestFinished } from "vitest";
import { createMongoConnection } from "../../src/mongo/connection.js";
import { createMappings } from "../../src/mongo/mappings.js";
import { createTestDatabase } from "./services.js";

/** Connects to a database, a new one by default, until the current test has finished. Does not create the indexes. */
export async function openMappings(mongodbUrl = createTestDatabase()) {
  const mongo = createMongoConnection({
    url: mongodbUrl,
    serverSelectionTimeoutMs: 5_000,
    socketTimeoutMs: 5_000,
    maxPoolSize: 5,
    appName: "vital-gateway tests",
  });
  onTestFinished(() => mongo.close());
  await mongo.whenConnected;
  return { mongo, mongodbUrl, mappings: createMappings(mongo) };
}
