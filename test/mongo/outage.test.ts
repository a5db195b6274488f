import { expect, onTestFinished, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { endsWithin } from "../../src/core/deadline.js";
import { ServiceError } from "../../src/core/errors.js";
import { createMongoConnection, type MongoOptions } from "../../src/mongo/connection.js";
import { createMappings } from "../../src/mongo/mappings.js";
import { mappingFixture } from "../support/core/mapping-fixtures.js";
import { waitUntil } from "../support/wait-until.js";
import { startOwnMongo } from "../support/services.js";

const ada = "auth0|ada" as AppUserId;
const serverSelectionTimeoutMs = 400;

function connect(url: string, options: Partial<MongoOptions> = {}) {
  const mongo = createMongoConnection({
    url,
    serverSelectionTimeoutMs,
    socketTimeoutMs: 600,
    connectTimeoutMs: 600,
    ...options,
    maxPoolSize: 5,
    appName: "vital-gateway tests",
  });
  onTestFinished(() => mongo.close());
  return { ...mongo, mappings: createMappings(mongo) };
}

async function failureOf(work: Promise<unknown>): Promise<{ error: unknown; durationMs: number }> {
  const startedAt = performance.now();
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  return { error, durationMs: performance.now() - startedAt };
}

test("MongoDB starts late, dies, restarts, freezes: callers get a typed error in time, and the connection recovers by itself", async () => {
  const server = await startOwnMongo();
  await server.kill();

  // Late: the connection is created before MongoDB runs.
  const { mappings, whenConnected, ping } = connect(server.url);
  for (const work of [mappings.find(ada), mappings.insert(mappingFixture("pending", { appUserId: ada }))]) {
    const { error, durationMs } = await failureOf(work);
    expect(error).toBeInstanceOf(ServiceError);
    expect(error).toMatchObject({ code: "SERVICE_UNAVAILABLE", retryable: true, retryAfterMs: 2_000 });
    expect(durationMs).toBeLessThan(serverSelectionTimeoutMs + 2_000);
  }
  await expect(ping()).rejects.toThrow();
  await server.start();
  await whenConnected;
  await ping();
  const mapping = mappingFixture("pending", { appUserId: ada });
  expect(await mappings.insert(mapping)).toBe(true);

  // Killed: every operation fails before a caller loses patience.
  await server.kill();
  const failures = await Promise.all(
    [
      mappings.find(ada),
      mappings.replace(mapping, { ...mapping, revision: 22 }),
      mappings.listDue(new Date(), 10),
      mappings.countByState(),
      mappings.hasActive(),
      mappings.indexes.listMissing(),
      mappings.findOldestPendingAt(),
    ].map(failureOf),
  );
  for (const { error, durationMs } of failures) {
    expect(error).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    expect(durationMs).toBeLessThan(serverSelectionTimeoutMs + 2_000);
  }
  await expect(ping()).rejects.toThrow();

  // Restarted, with what was stored.
  await server.start();
  await waitUntil("the mapping is found", () => mappings.find(ada).then(Boolean, () => false), 10_000);
  expect(await mappings.find(ada)).toMatchObject({ state: "pending" });

  // Frozen: connections stay open without a response. The signal may arrive a moment later.
  server.pause();
  let frozen = await failureOf(mappings.find(ada));
  while (frozen.error === null) frozen = await failureOf(mappings.find(ada));
  server.resume();
  expect(frozen.error).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  expect(frozen.durationMs).toBeLessThan(6_000);
  await waitUntil("the mapping is found", () => mappings.find(ada).then(Boolean, () => false), 10_000);
}, 60_000);

/** Returns how long closing takes, in milliseconds. */
async function timeClose(close: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await close();
  return performance.now() - startedAt;
}

/** The options of a worker. */
const workerOptions = { serverSelectionTimeoutMs: 10_000, socketTimeoutMs: 10_000, connectTimeoutMs: 5_000 };

test("a connection that never succeeded closes immediately, however long its timeouts are", async () => {
  const { close, whenConnected } = connect("mongodb://127.0.0.1:9/nowhere?replicaSet=rs0", workerOptions);
  let isConnected = false;
  void whenConnected.then(() => (isConnected = true));
  expect(await timeClose(close)).toBeLessThan(1_000);
  expect(isConnected).toBe(false);
});

test("closing ends in time while an operation waits for a server that is frozen", async () => {
  const server = await startOwnMongo();
  const { mappings, whenConnected, close } = connect(server.url, workerOptions);
  await whenConnected;
  await mappings.find(ada);
  server.pause();
  // The signal may arrive a moment later.
  const find = () => mappings.find(ada).catch(() => null);
  let inFlight = find();
  while (await endsWithin(inFlight, 200)) inFlight = find();
  try {
    expect(await timeClose(close)).toBeLessThan(2_500);
  } finally {
    server.resume();
  }
  await inFlight;
});

test("while MongoDB is down, thousands of concurrent callers wait no longer than a single one", async () => {
  const server = await startOwnMongo();
  const { mappings, whenConnected } = connect(server.url);
  await whenConnected;
  await mappings.find(ada);
  await server.kill();
  const ids = Array.from({ length: 5_000 }, (_, index) => `u${index}` as AppUserId);
  const { durationMs } = await failureOf(Promise.allSettled(ids.map(mappings.find)));
  expect(durationMs).toBeLessThan(serverSelectionTimeoutMs + 2_000);
});
