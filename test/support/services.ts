import { Redis } from "ioredis";
import { randomBytes } from "node:crypto";
import { afterAll, inject, onTestFinished } from "vitest";
import { startEmbeddedMongo, type EmbeddedMongo } from "../../dev/embedded/mongo.js";
import { startEmbeddedRedis, type EmbeddedRedis } from "../../dev/embedded/redis.js";
import { dropDatabases } from "./drop-databases.js";

/**
 * Inside a test or a `beforeEach`: when the test is finished. At the top of a file or a `describe`: when all its tests
 * are. Vitest has no such moment for a `beforeAll`: what is opened there has to be stopped in an `afterAll`, else it
 * lives as long as the file's process (a server) or the run (a database).
 */
function afterwards(clean: () => Promise<void>): void {
  try {
    onTestFinished(clean);
  } catch {
    afterAll(clean);
  }
}

/**
 * Gives the connection string of a new, empty database, and drops it afterwards ({@link afterwards}).
 */
export function createTestDatabase(): string {
  const name = `${inject("databasePrefix")}${randomBytes(6).toString("hex")}`;
  const url = new URL(inject("mongodbUrl"));
  url.pathname = `/${name}`;
  afterwards(() => dropDatabases(url.href, name));
  return url.href;
}

/** In database 0: the counter that hands out the others, and which of them tests have used before. */
const redisKeys = { counter: "vital-gateway-tests:counter", used: "vital-gateway-tests:used" };

/** Takes the next database that is empty or that an earlier test has used; anybody else's data is left alone. */
export async function claimRedisDatabase(redis: Redis): Promise<number> {
  const [, count] = (await redis.config("GET", "databases")) as [string, string];
  const others = Number(count) - 1;
  for (let attempt = 0; attempt < others; attempt += 1) {
    await redis.select(0);
    const number = 1 + ((await redis.incr(redisKeys.counter)) % others);
    const isOurs = (await redis.sismember(redisKeys.used, number)) === 1;
    await redis.select(number);
    if (!isOurs && (await redis.dbsize()) > 0) continue;
    await redis.flushdb();
    await redis.select(0);
    await redis.sadd(redisKeys.used, number);
    return number;
  }
  throw new Error("The Redis that REDIS_URL names has no empty database for the tests; unset REDIS_URL.");
}

/**
 * Gives the URL of an empty logical database of Redis, used by nobody else in this run.
 *
 * The numbers come round again after all others (511 of them on our own server, 15 on one with Redis's default). A
 * test that flushes more than its own database needs {@link startOwnRedis}.
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

/** A MongoDB for one test (or file) alone, to be killed, frozen and started again; stopped afterwards. */
export async function startOwnMongo(): Promise<EmbeddedMongo> {
  const mongo = await startEmbeddedMongo({ print: printNothing, env: process.env });
  afterwards(() => mongo.stop());
  return mongo;
}

/** A Redis for one test (or file) alone, to be killed, frozen and started again; stopped afterwards. */
export async function startOwnRedis(): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis({ print: printNothing, env: process.env });
  afterwards(() => redis.stop());
  return redis;
}

/** They die on purpose here. */
const printNothing = () => undefined;
