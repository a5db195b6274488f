import { Redis } from "ioredis";
import mongoose from "mongoose";
import { expect, inject, test } from "vitest";
import {
  claimRedisDatabase,
  startOwnRedis,
  createTestDatabase,
  createTestRedis,
} from "../support/services.js";

async function listDatabases(): Promise<string[]> {
  const client = new mongoose.mongo.MongoClient(inject("mongodbUrl"));
  try {
    return (await client.db("admin").admin().listDatabases({ nameOnly: true })).databases.map(
      ({ name }) => name,
    );
  } finally {
    await client.close();
  }
}

const usedDatabases: string[] = [];

test("two test databases are separate", async () => {
  const urls = [createTestDatabase(), createTestDatabase()];
  for (const url of urls) {
    const connection = await mongoose.createConnection(url).asPromise();
    usedDatabases.push(connection.name);
    await connection.collection("things").insertOne({ url });
    expect(await connection.collection("things").countDocuments()).toBe(1);
    await connection.close();
  }
  expect(await listDatabases()).toEqual(expect.arrayContaining(usedDatabases));
});

test("a test database is dropped after its test", async () => {
  expect(usedDatabases).toHaveLength(2);
  const remaining = await listDatabases();
  expect(remaining.filter((name) => usedDatabases.includes(name))).toEqual([]);
});

test("two test Redis databases are separate", async () => {
  const [first, second] = [new Redis(await createTestRedis()), new Redis(await createTestRedis())];
  await first.set("key", "first");
  expect(await second.get("key")).toBeNull();
  expect(await first.get("key")).toBe("first");
  first.disconnect();
  second.disconnect();
});

test("a Redis database with data from outside the tests is skipped", async () => {
  const { url } = await startOwnRedis();
  const redis = new Redis(url);
  await redis.select(3);
  await redis.set("key", "kept");
  const first = await claimRedisDatabase(redis);
  expect([first, await claimRedisDatabase(redis)]).toEqual([2, 4]);
  await redis.select(3);
  expect(await redis.get("key")).toBe("kept");
  redis.disconnect();
});
