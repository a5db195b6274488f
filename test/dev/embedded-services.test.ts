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

const servicesProcess = fileURLToPath(new URL("../support/embedded-services-process.ts", import.meta.url));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Starts a process that runs both servers, in a separate session, as a terminal does, with its own temporary folder. */
async function startServicesProcess() {
  const temporary = await mkdtemp(join(tmpdir(), "services-process-"));
  const { MONGODB_URL: _mongo, REDIS_URL: _redis, ...env } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", servicesProcess], {
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
  "both servers exit and their folders are removed when their parent receives %s",
  async (signal) => {
    const { processGroup, pids, listServerFolders } = await startServicesProcess();
    expect(pids.map(isAlive)).toEqual([true, true]);
    expect(await listServerFolders()).toHaveLength(2);
    process.kill(processGroup, signal);
    await waitUntil("both servers have exited", () => !pids.some(isAlive), 2000);
    await waitUntil("the folders are removed", async () => (await listServerFolders()).length === 0, 2000);
  },
);

test("MongoDB keeps its data and its address when it is killed and started again", async () => {
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

test("Redis keeps its data and its address when it is killed and started again", async () => {
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

test("a paused Redis responds only after it is resumed", async () => {
  const redis = await startOwnRedis();
  const client = new Redis(redis.url);
  onTestFinished(() => {
    client.disconnect();
  });
  await client.ping();
  redis.pause();
  const response = client.ping();
  const early = new Redis(redis.url, { commandTimeout: 100, retryStrategy: null });
  early.on("error", () => undefined);
  await expect(early.ping()).rejects.toThrow();
  early.disconnect();
  redis.resume();
  expect(await response).toBe("PONG");
});

test("a server that exits unexpectedly is reported with its last lines", async () => {
  const lines: string[] = [];
  const redis = await startEmbeddedRedis({ print: (line) => lines.push(line), env: process.env });
  onTestFinished(() => redis.stop());
  process.kill(redis.pid ?? 0, "SIGTERM");
  await waitUntil("the exit is reported", () => lines.some((line) => line.includes("exited unexpectedly")));
  expect(lines.at(-1)).toMatch(/^Redis exited unexpectedly: exit code 0\. Its last lines:\n(.*\n)*.*bye bye/);
  await expect(redis.kill()).rejects.toThrow("Redis is not running.");
});

test("stopping removes the folder, and a second stop has no effect", async () => {
  const redis = await startOwnRedis();
  expect(existsSync(redis.folder)).toBe(true);
  await redis.stop();
  expect(existsSync(redis.folder)).toBe(false);
  await redis.stop();
});

test("the servers that the environment names are used", async () => {
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
    "MongoDB: using the server in MONGODB_URL.",
    "Redis: using the server in REDIS_URL.",
  ]);
  await services.stop();
});
