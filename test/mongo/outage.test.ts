import { expect, onTestFinished, test } from "vitest";
import type { AppUserId } from "../../src/core/app-user-id.js";
import { ServiceError } from "../../src/core/errors.js";
import { createMongoConnection } from "../../src/mongo/connection.js";
import { createMappings } from "../../src/mongo/mappings.js";
import { makeRow } from "../core/rows.js";
import { eventually } from "../support/eventually.js";
import { ownMongo } from "../support/services.js";

const ada = "auth0|ada" as AppUserId;
const patienceMs = 400;

function connect(url: string) {
  const mongo = createMongoConnection({
    url,
    serverSelectionTimeoutMs: patienceMs,
    socketTimeoutMs: 600,
    connectTimeoutMs: 600,
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

test("MongoDB comes late, dies, comes back, freezes: callers get a typed answer in time, and it goes on by itself", async () => {
  const server = await ownMongo();
  await server.kill();

  // Late: a connection is asked for before MongoDB is there.
  const { mappings, whenConnected, ping } = connect(server.url);
  for (const work of [mappings.find(ada), mappings.insert(makeRow("pending", { appUserId: ada }))]) {
    const { error, durationMs } = await failureOf(work);
    expect(error).toBeInstanceOf(ServiceError);
    expect(error).toMatchObject({ code: "SERVICE_UNAVAILABLE", retryable: true, retryAfterMs: 2_000 });
    expect(durationMs).toBeLessThan(patienceMs + 2_000);
  }
  await expect(ping()).rejects.toThrow();
  await server.start();
  await whenConnected;
  await ping();
  const row = makeRow("pending", { appUserId: ada });
  expect(await mappings.insert(row)).toBe(true);

  // Killed: everything fails within the patience of a caller, whatever was asked.
  await server.kill();
  const failures = await Promise.all(
    [
      mappings.find(ada),
      mappings.replace(row, { ...row, revision: 22 }),
      mappings.listDue(new Date(), 10),
      mappings.countByState(),
      mappings.hasActive(),
      mappings.listMissingIndexes(),
      mappings.findOldestPendingAt(),
    ].map(failureOf),
  );
  for (const { error, durationMs } of failures) {
    expect(error).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    expect(durationMs).toBeLessThan(patienceMs + 2_000);
  }
  await expect(ping()).rejects.toThrow();

  // Back, with what was stored.
  await server.start();
  await eventually("the mapping is found", () => mappings.find(ada).then(Boolean, () => false), 10_000);
  expect(await mappings.find(ada)).toMatchObject({ state: "pending" });

  // Frozen: connections stay open and nothing answers. The signal takes a moment to arrive.
  server.pause();
  let frozen = await failureOf(mappings.find(ada));
  while (frozen.error === null) frozen = await failureOf(mappings.find(ada));
  server.resume();
  expect(frozen.error).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  expect(frozen.durationMs).toBeLessThan(6_000);
  await eventually("the mapping is found", () => mappings.find(ada).then(Boolean, () => false), 10_000);
}, 60_000);

test("a connection that never came about closes at once", async () => {
  const { close, whenConnected } = connect("mongodb://127.0.0.1:9/nowhere?replicaSet=rs0");
  let isConnected = false;
  void whenConnected.then(() => (isConnected = true));
  const startedAt = performance.now();
  await close();
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(isConnected).toBe(false);
});
