import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createMongoConnection } from "../../src/mongo/connection.js";

/** Long enough for eleven attempts half a second apart, after which Node.js would warn of a leak. */
const watchedMs = 6_500;

test("however long MongoDB is down at the start, retrying leaks no listeners", async () => {
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
