import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import {
  createSignupPublisher,
  type PublishError,
  type SignupPublisherOptions,
} from "../../src/publisher/publisher.js";
import { startOwnRedis, createTestRedis } from "../support/services.js";

function publisherTo(options: SignupPublisherOptions) {
  const publisher = createSignupPublisher(options);
  onTestFinished(() => publisher.close());
  return publisher;
}

/** Opens the queue as any BullMQ client does. */
function openQueue(redisUrl: string) {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  redis.on("error", () => undefined);
  const queue = new Queue<{ appUserId: string }>("app-user-events", { connection: redis, prefix: "{vital}" });
  queue.on("error", () => undefined);
  onTestFinished(() => {
    redis.disconnect();
  });
  return { redis, queue };
}

const signup = { type: "user.created" as const, appUserId: "u1" };

test("a published event is a job in the documented format", async () => {
  const redisUrl = await createTestRedis();
  const occurredAt = new Date("2026-01-02T03:04:05.678Z");
  await publisherTo({ redisUrl }).publish({ ...signup, id: "evt_mine", occurredAt });
  const { queue } = openQueue(redisUrl);
  const [job] = await queue.getJobs("waiting");
  expect(job?.name).toBe("app-user-event");
  expect(job?.data).toEqual({ ...signup, id: "evt_mine", occurredAt: occurredAt.toISOString() });
});

test("a connection of the caller is used and stays open", async () => {
  const { redis, queue } = openQueue(await createTestRedis());
  const publisher = createSignupPublisher({ connection: redis });
  await publisher.publish(signup);
  await publisher.close();
  expect(await queue.getWaitingCount()).toBe(1);
});

test("a lazy connection is opened by the first event", async () => {
  const connection = new Redis(await createTestRedis(), { lazyConnect: true });
  onTestFinished(() => {
    connection.disconnect();
  });
  await publisherTo({ connection }).publish(signup);
  expect(connection.status).toBe("ready");
});

test("a connection with a key prefix is rejected when the publisher is created", async () => {
  const connection = new Redis(await createTestRedis(), { keyPrefix: "app:", lazyConnect: true });
  onTestFinished(() => {
    connection.disconnect();
  });
  expect(() => createSignupPublisher({ connection })).toThrow(/keyPrefix/);
});

test("with Redis down from the start it rejects at its deadline, and events with a longer deadline arrive after Redis starts", async () => {
  const redis = await startOwnRedis();
  await redis.kill();
  const publisher = publisherTo({ redisUrl: redis.url });
  const error = (await publisher
    .publish(signup, { deadlineMs: 300 })
    .catch((reason: unknown) => reason)) as PublishError;
  expect(error).toMatchObject({ reason: "deadline", event: signup });
  expect(error.message).toContain("Redis is unavailable");

  const published = Array.from({ length: 1_000 }, (_, index) =>
    publisher.publish({ ...signup, appUserId: `u${index}` }, { deadlineMs: 15_000 }),
  );
  await redis.start();
  await Promise.all(published);
  const { queue } = openQueue(redis.url);
  const jobs = await queue.getJobs("waiting");
  expect(new Set(jobs.map(({ data }) => data.appUserId)).size).toBe(1_000);
  // The event that was rejected before did not arrive later.
  expect(jobs).toHaveLength(1_000);
});

test("a Redis that restarts during 1,000 publishes loses none", async () => {
  const redis = await startOwnRedis();
  const publisher = publisherTo({ redisUrl: redis.url });
  await publisher.publish({ ...signup, appUserId: "first" });
  const publishes = Promise.all(
    Array.from({ length: 1_000 }, (_, index) =>
      publisher.publish({ ...signup, appUserId: `u${index}` }, { deadlineMs: 15_000 }),
    ),
  );
  await redis.kill("SIGTERM");
  await redis.start();
  await publishes;
  const { queue } = openQueue(redis.url);
  const jobs = await queue.getJobs("waiting");
  expect(new Set(jobs.map(({ data }) => data.appUserId)).size).toBe(1_001);
});

test("with a Redis that hangs, every waiting event is rejected at its deadline and does not arrive later", async () => {
  const redis = await startOwnRedis();
  const publisher = publisherTo({ redisUrl: redis.url });
  await publisher.publish(signup);
  redis.pause();
  const startedAt = performance.now();
  const errors = await Promise.all(
    Array.from({ length: 2_500 }, () =>
      publisher.publish(signup, { deadlineMs: 500 }).catch((error: unknown) => error as PublishError),
    ),
  );
  expect(performance.now() - startedAt).toBeLessThan(1_500);
  redis.resume();
  expect(errors.every((error) => "reason" in error && error.reason === "deadline")).toBe(true);
  await publisher.publish(signup);
  // Two batches of 500 were in flight.
  expect(await openQueue(redis.url).queue.getWaitingCount()).toBeLessThanOrEqual(1_002);
});
