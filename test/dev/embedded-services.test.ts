import { Redis } from "ioredis";
import mongoose from "mongoose";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startEmbeddedRedis } from "../../dev/embedded/redis.js";
import { startEmbeddedServices } from "../../dev/embedded/services.js";
import { waitUntil } from "../support/wait-until.js";
import { startOwnMongo, startOwnRedis } from "../support/services.js";

const holdServices = fileURLToPath(new URL("../support/embedded-services-process.ts", import.meta.url));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A process that runs both servers, in a session of its own as a terminal gives, with its own temporary folder. */
async function startHolder() {
  const temporary = await mkdtemp(join(tmpdir(), "holder-"));
  const { MONGODB_URL: _mongo, REDIS_URL: _redis, ...env } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", holdServices], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...env, TMPDIR: temporary },
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await rm(temporary, { recursive: true, force: true });
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { pids } = JSON.parse(line) as { pids: number[] };
  const listServerFolders = async () =>
    (await readdir(temporary)).filter((name) => name.startsWith("vital-gateway-"));
  return { processGroup: -(child.pid ?? 0), pids, listServerFolders };
}

test.each(["SIGKILL", "SIGINT"] as const)(
  "both servers and their folders go with a parent that gets %s",
  async (signal) => {
    const { processGroup, pids, listServerFolders } = await startHolder();
    expect(pids.map(isAlive)).toEqual([true, true]);
    expect(await listServerFolders()).toHaveLength(2);
    process.kill(processGroup, signal);
    await waitUntil("both servers are gone", () => !pids.some(isAlive), 2000);
    await waitUntil("the folders are gone", async () => (await listServerFolders()).length === 0, 2000);
  },
);

test("MongoDB keeps its data and its address over a kill and a start", async () => {
  const mongo = await startOwnMongo();
  const connection = await mongoose.createConnection(mongo.url).asPromise();
  onTestFinished(() => connection.close());
  const users = connection.collection<{ name: string }>("users");
  await users.insertOne({ name: "kept" }, { writeConcern: { w: "majority" } });
  await mongo.kill();
  expect(mongo.pid).toBeNull();
  await mongo.start();
  expect(await users.countDocuments({ name: "kept" })).toBe(1);
  await users.insertOne({ name: "written afterwards" });
});

test("Redis keeps its data and its address over a kill and a start", async () => {
  const redis = await startOwnRedis();
  const client = new Redis(redis.url, { maxRetriesPerRequest: null });
  onTestFinished(() => {
    client.disconnect();
  });
  client.on("error", () => undefined);
  await client.set("key", "kept");
  await redis.kill();
  await redis.start();
  expect(await client.get("key")).toBe("kept");
  expect(await client.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "noeviction"]);
});

test("a paused Redis answers when it is resumed, and not before", async () => {
  const redis = await startOwnRedis();
  const client = new Redis(redis.url);
  onTestFinished(() => {
    client.disconnect();
  });
  await client.ping();
  redis.pause();
  const answer = client.ping();
  const early = new Redis(redis.url, { commandTimeout: 100, retryStrategy: null });
  early.on("error", () => undefined);
  await expect(early.ping()).rejects.toThrow();
  early.disconnect();
  redis.resume();
  expect(await answer).toBe("PONG");
});

test("a server that ends by itself is reported with its last lines", async () => {
  const lines: string[] = [];
  const redis = await startEmbeddedRedis({ print: (line) => lines.push(line), env: process.env });
  onTestFinished(() => redis.stop());
  process.kill(redis.pid ?? 0, "SIGTERM");
  await waitUntil("the end is reported", () => lines.some((line) => line.includes("ended by itself")));
  expect(lines.at(-1)).toMatch(/^Redis ended by itself: exit code 0\. Its last lines:\n(.*\n)*.*bye bye/);
  await expect(redis.kill()).rejects.toThrow("Redis is not running.");
});

test("stopping removes the folder, and a second stop does no harm", async () => {
  const redis = await startOwnRedis();
  expect(existsSync(redis.folder)).toBe(true);
  await redis.stop();
  expect(existsSync(redis.folder)).toBe(false);
  await redis.stop();
});

test("servers that the environment names are used as they are", async () => {
  const lines: string[] = [];
  const services = await startEmbeddedServices({
    print: (line) => lines.push(line),
    env: { MONGODB_URL: "mongodb://db.test/app", REDIS_URL: "redis://queue.test" },
  });
  expect(services).toMatchObject({
    mongodbUrl: "mongodb://db.test/app",
    redisUrl: "redis://queue.test",
    mongo: null,
    redis: null,
  });
  expect(lines).toEqual([
    "MongoDB: using the one that MONGODB_URL names.",
    "Redis: using the one that REDIS_URL names.",
  ]);
  await services.stop();
});
