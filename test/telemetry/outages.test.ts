import { expect, test } from "vitest";
import { startOwnMongo, startOwnRedis } from "../support/services.js";
import { waitUntil } from "../support/wait-until.js";
import { openFleet } from "../support/workers/fleet.js";

const gaugesOfMongo = [
  "mappings",
  "oldest_pending_seconds",
  "oldest_deleting_seconds",
  "backlog_workers_wanted",
];
const gaugesOfRedis = ["queue_jobs"];

/** Starts a process with its own MongoDB and Redis. `scrape` returns the values by name, and how long it took. */
async function openProcess() {
  const mongo = await startOwnMongo();
  const redis = await startOwnRedis();
  const { start, vital } = await openFleet({ mongodbUrl: mongo.url, redisUrl: redis.url });
  const { metrics } = await start("gateway");
  async function scrape() {
    const startedAtMs = performance.now();
    const { body } = await metrics.read();
    const durationMs = performance.now() - startedAtMs;
    const samples = [...body.matchAll(/^vital_gateway_(\w+)(?:\{[^}]*\})? (\S+)$/gm)];
    const values = new Map(samples.map(([, name = "", value]) => [name, Number(value)]));
    const present = (names: readonly string[]) => names.filter((name) => values.has(name));
    return { values, present, durationMs };
  }
  await waitUntil("the process can read everything", async () => {
    const { present } = await scrape();
    return present([...gaugesOfMongo, ...gaugesOfRedis]).length === 5;
  });
  return { mongo, redis, vital, scrape };
}

test("a scrape is answered within 2 seconds whatever is down, and names only what it has read", async () => {
  const { mongo, redis, vital, scrape } = await openProcess();
  const up = (await scrape()).values;
  expect([up.get("mongodb_up"), up.get("redis_up"), up.get("vital_up")]).toEqual([1, 1, 1]);

  const expectDown = async (service: "mongodb" | "redis") => {
    for (let n = 0; n < 3; n += 1) {
      const { values, present, durationMs } = await scrape();
      expect(durationMs).toBeLessThan(2_000);
      expect([values.get("mongodb_up"), values.get("redis_up")]).toEqual(
        service === "mongodb" ? [0, 1] : [1, 0],
      );
      expect(present(gaugesOfMongo)).toEqual(service === "mongodb" ? [] : gaugesOfMongo);
      expect(present(gaugesOfRedis)).toEqual(service === "redis" ? [] : gaugesOfRedis);
    }
  };
  const whenUp = () =>
    waitUntil(
      "everything can be read again",
      async () => (await scrape()).present([...gaugesOfMongo, ...gaugesOfRedis]).length === 5,
      20_000,
    );

  redis.pause();
  await expectDown("redis");
  redis.resume();
  await whenUp();

  mongo.pause();
  await expectDown("mongodb");
  mongo.resume();
  await whenUp();

  await redis.kill();
  await expectDown("redis");
  await redis.start();
  await whenUp();

  await mongo.kill();
  await expectDown("mongodb");
  await mongo.start();
  await whenUp();

  await vital.fault({ operation: "*", kind: "hang" });
  await waitUntil("Vital is down", async () => (await scrape()).values.get("vital_up") === 0, 10_000);
  expect((await scrape()).durationMs).toBeLessThan(2_000);
  await vital.call("DELETE", "/__simulator/faults", { key: null });
  await waitUntil("Vital is up", async () => (await scrape()).values.get("vital_up") === 1, 15_000);
}, 120_000);
