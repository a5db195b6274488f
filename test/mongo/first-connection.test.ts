import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createMongoConnection } from "../../src/mongo/connection.js";

/** Longer than Node.js takes to warn: eleven attempts, half a second apart. */
const watchedMs = 6_500;

test("however long MongoDB is away at the start, trying again leaves nothing behind", async () => {
  const mongo = createMongoConnection({
    url: "mongodb://127.0.0.1:1/nowhere",
    serverSelectionTimeoutMs: 10,
    socketTimeoutMs: 600,
    maxPoolSize: 1,
    appName: "vital-gateway tests",
  });
  onTestFinished(() => mongo.close());
  const warned = once(process, "warning").then(([warning]) => (warning as Error).message);
  expect(await Promise.race([warned, delay(watchedMs, "nothing")])).toBe("nothing");
});
