import { Redis } from "ioredis";
import { randomBytes } from "node:crypto";
import { afterAll, inject, onTestFinished } from "vitest";
import { startEmbeddedMongo, type EmbeddedMongo } from "../../dev/embedded/mongo.js";
import { startEmbeddedRedis, type EmbeddedRedis } from "../../dev/embedded/redis.js";
import { dropDatabases } from "./drop-databases.js";

/*
 * Test helpers, and where to find them
 *
 * Databases (this file): each test file uses its own.
 *   const mongodbUrl = createTestDatabase();     an empty MongoDB database, dropped afterwards
 *   const redisUrl = await createTestRedis();    an empty logical Redis database
 *   const mongo = await startOwnMongo();         a separate server, to kill, pause and restart; stopped afterwards
 *   const redis = await startOwnRedis();         the same for Redis
 *
 * Processes (stack.ts): the built product, as an operator runs it.
 *   const stack = await startStack({ mongodbUrl, redisUrl });
 *   const gateway = await stack.startReady("gateway");
 *   const user = appUser();
 *   await stack.publish(gateway, user);
 *   await stack.whenActive([user]);
 *   const { data } = await sendGraphql(gateway, await stack.signIn(user));
 *
 * Storage without a process: `openMappings()` in open-mappings.ts, `openQueue(redisUrl)` in queue/open-queue.ts.
 * Vital (simulator.ts): `startTestSimulator()` starts the simulator inside the test process.
 * Waiting (wait-until.ts): `await waitUntil("the job is done", () => isDone)`.
 * Time, randomness and logs: manual-clock.ts, random.ts, recording-log.ts.
 * Helpers of one area are in the folder of its name: auth, cli, core, http, queue, security, vital, workers.
 *
 * global-setup.ts starts the MongoDB and the Redis that all test files share.
 */

/**
 * Runs the cleanup after the current test (when called in a test or a `beforeEach`), or after all tests of the file or
 * `describe` (when called at its top level). Vitest offers no such hook in a `beforeAll`: what is opened there must be
 * stopped in an `afterAll`. Otherwise a server lives as long as the file's process, and a database as long as the run.
 */
function cleanUpAfterwards(cleanUp: () => Promise<void>): void {
  try {
    onTestFinished(cleanUp);
  } catch {
    afterAll(cleanUp);
  }
}

/** Returns the connection string of a new, empty database, which is dropped afterwards ({@link cleanUpAfterwards}). */
export function createTestDatabase(): string {
  const name = `${inject("databasePrefix")}${randomBytes(6).toString("hex")}`;
  const url = new URL(inject("mongodbUrl"));
  url.pathname = `/${name}`;
  cleanUpAfterwards(() => dropDatabases(url.href, name));
  return url.href;
}

/** Keys in database 0: the counter for the next database, and the set of databases that tests have used before. */
const redisKeys = { counter: "vital-gateway-tests:counter", used: "vital-gateway-tests:used" };

/** Claims the next database that is empty or that an earlier test has used. Skips databases with other data. */
export async function claimRedisDatabase(redis: Redis): Promise<number> {
  const [, count] = (await redis.config("GET", "databases")) as [string, string];
  const others = Number(count) - 1;
  for (let attempt = 0; attempt < others; attempt += 1) {
    await redis.select(0);
    const number = 1 + ((await redis.incr(redisKeys.counter)) % others);
    const isUsedByTests = (await redis.sismember(redisKeys.used, number)) === 1;
    await redis.select(number);
    if (!isUsedByTests && (await redis.dbsize()) > 0) continue;
    await redis.flushdb();
    await redis.select(0);
    await redis.sadd(redisKeys.used, number);
    return number;
  }
  throw new Error("The Redis at REDIS_URL has no empty database for the tests. Unset REDIS_URL.");
}

/**
 * Returns the URL of an empty logical Redis database that no other test uses at the same time.
 *
 * A number is used again only after all others (511 of them on the embedded server, 15 with Redis's default). A test that
 * flushes more than its own database needs {@link startOwnRedis}.
 */
export async function createTestRedis(): Promise<string> {
  const url = new URL(inject("redisUrl"));
  const redis = new Redis(url.href, { db: 0 });
  try {
    url.pathname = `/${await claimRedisDatabase(redis)}`;
    return url.href;
  } finally {
    redis.disconnect();
  }
}

/** Starts a separate MongoDB for one test or file, which can kill, pause and restart it. It is stopped afterwards. */
export async function startOwnMongo(): Promise<EmbeddedMongo> {
  const mongo = await startEmbeddedMongo({ print: printNothing, env: process.env });
  cleanUpAfterwards(() => mongo.stop());
  return mongo;
}

/** Starts a separate Redis for one test or file, which can kill, pause and restart it. It is stopped afterwards. */
export async function startOwnRedis(...args: string[]): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis({ print: printNothing, env: process.env, args });
  cleanUpAfterwards(() => redis.stop());
  return redis;
}

/** Tests kill these servers on purpose, so their exit needs no message. */
const printNothing = () => undefined;
