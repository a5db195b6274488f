import { UnrecoverableError } from "bullmq";
import { expect, onTestFinished, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { provisioningQueueName, queuePrefix } from "../../src/queue/provisioning-queue.js";
import { createWorkerConnection } from "../../src/queue/redis-connection.js";
import { startJobWorker, type JobOutcome } from "../../workers/job-worker.js";
import { openQueue } from "../support/queue/open-queue.js";
import { waitUntil } from "../support/wait-until.js";
import { startOwnRedis, createTestRedis } from "../support/services.js";

type Data = { appUserId: AppUserId };

function startWorker(
  redisUrl: string,
  run: (appUserId: AppUserId) => Promise<JobOutcome>,
  jobsPerSecond = 0,
) {
  const worker = startJobWorker<Data>({
    queueName: provisioningQueueName,
    prefix: queuePrefix,
    connect: () => createWorkerConnection(redisUrl),
    concurrency: 5,
    jobsPerSecond,
    run: ({ data }) => run(data.appUserId),
    pauseFleet: () => Promise.resolve(),
    onFailed: () => undefined,
    onError: () => undefined,
    onStopped: () => undefined,
  });
  onTestFinished(() => worker.close(0));
  return worker;
}

const toRequest = (appUserId: string) => ({
  job: "provision-user" as const,
  appUserId: appUserId as AppUserId,
});
const done = (): Promise<JobOutcome> => Promise.resolve({ type: "done" });

test("an old job in the failed set does not block its user", async () => {
  const url = await createTestRedis();
  const queue = await openQueue(url);
  const broken = startWorker(url, () => Promise.reject(new UnrecoverableError("a bug")));
  await queue.enqueue([toRequest("ada")]);
  await waitUntil("the job has failed", async () => (await queue.countJobs()).failed === 1);
  await broken.close(1_000);

  const served: string[] = [];
  startWorker(url, (appUserId) => {
    served.push(appUserId);
    return done();
  });
  await queue.enqueue([toRequest("ada")]);
  await waitUntil("the user is served", () => served.includes("ada"));
});

test("a user whose job waits gets no second job for the same purpose, but one for another", async () => {
  const queue = await openQueue(await createTestRedis());
  await queue.enqueue([toRequest("ada"), toRequest("ada"), toRequest("bob")]);
  await queue.enqueue([toRequest("ada"), { ...toRequest("ada"), job: "deprovision-user" }]);
  expect((await queue.countJobs()).waiting).toBe(3);
});

test("a pause of the queue stops every worker, and ends by itself", async () => {
  const url = await createTestRedis();
  const queue = await openQueue(url);
  const started: number[] = [];
  const record = () => {
    started.push(Date.now());
    return done();
  };
  startWorker(url, record);
  startWorker(url, record);
  await queue.enqueue([toRequest("warm")]);
  await waitUntil("the workers run", () => started.length === 1);
  const until = Date.now() + 1_200;
  await queue.pauseUntil(new Date(until));
  expect(await queue.getPauseMs()).toBeGreaterThan(900);
  await queue.enqueue([toRequest("ada"), toRequest("bob")]);
  await waitUntil("both are served", () => started.length === 3);
  for (const at of started.slice(1)) expect(at).toBeGreaterThanOrEqual(until - 20);
  expect(await queue.getPauseMs()).toBe(0);
});

test("started jobs do not count as a pause, unless the fleet has reached its limit for this second", async () => {
  const url = await createTestRedis();
  const queue = await openQueue(url);
  const started: string[] = [];
  const record = (appUserId: AppUserId) => {
    started.push(appUserId);
    return done();
  };
  startWorker(url, record, 2);
  await queue.enqueue([toRequest("u1"), toRequest("u2"), toRequest("u3")]);
  await waitUntil("two have started", () => started.length === 2);
  expect(await queue.getPauseMs()).toBe(0);
  expect(await queue.getPauseMs(2)).toBeGreaterThan(0);
});

test("a job that asks for a pause pauses the queue and uses no attempt; if the queue cannot be paused, the job waits alone", async () => {
  const url = await createTestRedis();
  const queue = await openQueue(url);
  const started: { user: string; at: number; attempts: number }[] = [];
  const countStarts = (user: string) => started.filter((one) => one.user === user).length;
  const worker = startJobWorker<Data>({
    queueName: provisioningQueueName,
    prefix: queuePrefix,
    connect: () => createWorkerConnection(url),
    concurrency: 2,
    jobsPerSecond: 0,
    run({ data, attemptsMade }) {
      started.push({ user: data.appUserId, at: Date.now(), attempts: attemptsMade });
      const mustWait = data.appUserId === "ada" && countStarts("ada") <= 2;
      return mustWait ? Promise.resolve({ type: "pause-fleet", durationMs: 600 }) : done();
    },
    pauseFleet: (durationMs) =>
      countStarts("ada") === 1
        ? queue.pauseUntil(new Date(Date.now() + durationMs))
        : Promise.reject(new Error("Redis is unavailable")),
    onFailed: () => undefined,
    onError: () => undefined,
    onStopped: () => undefined,
  });
  onTestFinished(() => worker.close(0));
  await queue.enqueue([toRequest("ada")]);
  await waitUntil("the queue is paused", async () => (await queue.getPauseMs()) > 0);
  await queue.enqueue([toRequest("bob")]);
  await waitUntil("both are done", () => countStarts("ada") === 3 && countStarts("bob") === 1);
  const toWait = (one: { at: number }) => one.at - (started[0]?.at ?? 0);
  const [, second = 0, third = 0] = started.filter(({ user }) => user === "ada").map(toWait);
  expect(second).toBeGreaterThanOrEqual(550);
  expect(third - second).toBeGreaterThanOrEqual(550);
  // It waited for the pause of the queue, not for the delay of the other job.
  const [bob = 0] = started.filter(({ user }) => user === "bob").map(toWait);
  expect(bob).toBeGreaterThanOrEqual(550);
  expect(bob).toBeLessThan(third);
  expect(started.map(({ attempts }) => attempts)).toEqual([0, 0, 0, 0]);
});

test("while Redis is unavailable a wake-up does not block, adding fails immediately, and both work again afterwards", async () => {
  const redis = await startOwnRedis();
  const queue = await openQueue(redis.url);
  await redis.kill();
  await waitUntil("Redis is known to be unavailable", () => !queue.isReachable());
  const startedAt = performance.now();
  queue.wake("provision-user", "ada" as AppUserId);
  await expect(queue.enqueue([toRequest("ada")])).rejects.toThrow("Redis is unavailable");
  await expect(queue.pauseUntil(new Date(Date.now() + 1_000))).rejects.toThrow("Redis is unavailable");
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  await redis.start();
  await waitUntil("Redis is available", () => queue.isReachable());
  queue.wake("provision-user", "bob" as AppUserId);
  await waitUntil("the wake-up has arrived", async () => (await queue.countJobs()).waiting === 1);
});

test("a frozen Redis gets no commands for a while after the first one without a reply", async () => {
  const redis = await startOwnRedis();
  const queue = await openQueue(redis.url);
  redis.pause();
  // The signal takes a moment to arrive.
  const hasReply = () =>
    queue.enqueue([toRequest("ada")]).then(
      () => true,
      () => false,
    );
  while (await hasReply());
  expect(queue.isReachable()).toBe(false);
  redis.resume();
  // The silent connection is being replaced, so the first attempt may fail.
  const isAccepted = () =>
    queue.enqueue([toRequest("bob")]).then(
      () => true,
      () => false,
    );
  await waitUntil("Redis accepts a job again", isAccepted, 12_000);
}, 20_000);
