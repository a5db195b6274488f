import { FlowProducer, Queue } from "bullmq";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createAppUserEventQueue } from "../../src/queue/app-user-events.js";
import { findStrayQueues } from "../../src/queue/stray-jobs.js";
import { startOwnRedis } from "../support/services.js";

async function connect() {
  const server = await startOwnRedis();
  const open = (options: { username?: string; password?: string } = {}) => {
    const redis = new Redis(server.url, { ...options, maxRetriesPerRequest: null });
    onTestFinished(() => {
      redis.disconnect();
    });
    return redis;
  };
  return { redis: open(), open };
}

test("jobs of producers with another prefix or queue name are found, in every state in which they wait", async () => {
  const { redis } = await connect();
  expect(await findStrayQueues(redis)).toEqual([]);
  await new Queue("app-user-events", { connection: redis, prefix: "{vital}" }).add("app-user-event", {});
  expect(await findStrayQueues(redis)).toEqual([]);

  const withoutPrefix = new Queue("app-user-events", { connection: redis });
  await withoutPrefix.add("app-user-event", {});
  await withoutPrefix.add("app-user-event", {}, { priority: 3 });
  await withoutPrefix.add("app-user-event", {}, { delay: 60_000 });
  await new Queue("app-user-events", { connection: redis, prefix: "vital" }).add("app-user-event", {});
  await new Queue("app-user-events", { connection: redis, prefix: "{vital}:" }).add("app-user-event", {});
  // BullMQ rejects a colon in the name of a queue in Node, but not in Python.
  await redis.lpush("bull:{vital}:app-user-events:wait", "1");
  await new Queue("app-user-event", { connection: redis, prefix: "{vital}" }).add("app-user-event", {});
  // Until version 5, BullMQ moved the jobs of a paused queue to this list.
  await redis.lpush("bull:app-user-events:paused", "7");
  expect(await findStrayQueues(redis)).toEqual([
    { queue: "bull:app-user-events", jobs: 4 },
    { queue: "vital:app-user-events", jobs: 1 },
    { queue: "bull:{vital}:app-user-events", jobs: 1 },
    { queue: "{vital}::app-user-events", jobs: 1 },
    { queue: "{vital}:app-user-event", jobs: 1 },
  ]);
});

test("a user of Redis without permission for other keys finds none, and nothing fails", async () => {
  const { redis, open } = await connect();
  await new Queue("app-user-events", { connection: redis }).add("app-user-event", {});
  await redis.call("ACL", "SETUSER", "limited", "on", ">secret", "~{vital}:*", "&*", "+@all");
  const limited = open({ username: "limited", password: "secret" });
  expect(await findStrayQueues(limited)).toEqual([]);
});

test("parents that wait for their children, and jobs in every other state, are counted", async () => {
  const { redis } = await connect();
  const queue = createAppUserEventQueue({ redis, onError: () => undefined });
  const producer = new Queue("app-user-events", { connection: redis, prefix: "{vital}" });
  await producer.add("app-user-event", {});
  await producer.add("app-user-event", {}, { priority: 3 });
  await producer.add("app-user-event", {}, { delay: 60_000 });
  const flows = new FlowProducer({ connection: redis, prefix: "{vital}" });
  await flows.add({
    name: "app-user-event",
    queueName: "app-user-events",
    children: [{ name: "child", queueName: "elsewhere" }],
  });
  expect(await queue.countJobs()).toEqual({
    waiting: 1,
    prioritized: 1,
    "waiting-children": 1,
    active: 0,
    delayed: 1,
    failed: 0,
  });
});
