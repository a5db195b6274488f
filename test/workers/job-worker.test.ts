import { expect, onTestFinished, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { createProvisioningQueue, queuePrefix } from "../../src/queue/provisioning-queue.js";
import { provisioningQueueName } from "../../src/queue/provisioning-queue.js";
import { createCommandConnection, createWorkerConnection } from "../../src/queue/redis-connection.js";
import { startJobWorker, type JobOutcome } from "../../workers/job-worker.js";
import { startWatchdog } from "../../workers/watchdog.js";
import { startLosingLink } from "../support/queue/losing-link.js";
import { waitUntil } from "../support/wait-until.js";
import { createTestRedis } from "../support/services.js";

type Data = { appUserId: AppUserId };

async function setUp() {
  const redisUrl = await createTestRedis();
  const redis = createCommandConnection(redisUrl);
  const queue = createProvisioningQueue({ redis, onError: () => undefined });
  onTestFinished(async () => {
    await queue.close();
    redis.disconnect();
  });
  await waitUntil("Redis is there", () => queue.isReachable());
  const add = (...users: string[]) =>
    queue.enqueue(users.map((user) => ({ job: "provision-user" as const, appUserId: user as AppUserId })));
  const start = (url: string, run: (appUserId: AppUserId) => Promise<JobOutcome>) =>
    startJobWorker<Data>({
      queueName: provisioningQueueName,
      prefix: queuePrefix,
      connect: () => createWorkerConnection(url),
      concurrency: 2,
      jobsPerSecond: 0,
      run: ({ data }) => run(data.appUserId),
      pauseFleet: () => Promise.resolve(),
      onFailed: () => undefined,
      onError: () => undefined,
    });
  return { redisUrl, queue, add, start };
}

test("a worker whose connections are lost without a word, with jobs under way, is replaced and jobs go on", async () => {
  const { redisUrl, queue, add, start } = await setUp();
  const link = await startLosingLink(redisUrl);
  const begun: string[] = [];
  let rebuilds = 0;
  let release: () => void = () => undefined;
  const lost = new Promise<void>((resolve) => (release = resolve));
  const watchdog = startWatchdog({
    rules: { checkEveryMs: 50, maxIdleMs: 1_000, maxRebuilds: 5 },
    hasWaitingJobs: async () => ((await queue.countJobs()).waiting ?? 0) > 0,
    shutDown: () => undefined,
    onRebuild: () => (rebuilds += 1),
    start: () =>
      start(link.url, async (appUserId) => {
        begun.push(appUserId);
        // Their places are taken for good: they wait for an answer of Redis that will never come.
        if (!appUserId.startsWith("stuck")) return { type: "done" };
        await lost;
        return { type: "delay", delayMs: 60_000 };
      }),
  });
  onTestFinished(() => watchdog.close(0));
  await add("stuck-1", "stuck-2");
  await waitUntil("both are begun", () => begun.length === 2);
  link.loseAll();
  release();
  await add("u1", "u2", "u3");
  await waitUntil("the others are begun", () => ["u1", "u2", "u3"].every((user) => begun.includes(user)));
  expect(rebuilds).toBeGreaterThan(0);
}, 40_000);

test("a worker that is at work is not idle, and one that has never begun a job says so", async () => {
  const { redisUrl, add, start } = await setUp();
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const worker = start(redisUrl, async () => {
    await finished;
    return { type: "done" };
  });
  onTestFinished(() => worker.close(0));
  expect(worker.hasStartedJob()).toBe(false);
  await add("ada");
  await waitUntil("it is at work", () => worker.hasStartedJob());
  expect(worker.idleMs()).toBe(0);
  finish();
  await waitUntil("it is idle", () => worker.idleMs() > 0);
});

test("closing lets a job under way finish", async () => {
  const { redisUrl, queue, add, start } = await setUp();
  let isDone = false;
  const worker = start(redisUrl, async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    isDone = true;
    return { type: "done" };
  });
  await add("ada");
  await waitUntil("it is at work", () => worker.hasStartedJob());
  await worker.close(2_000);
  expect(isDone).toBe(true);
  expect(await queue.countJobs()).toMatchObject({ active: 0, waiting: 0 });
});

test("closing leaves a job that does not finish to another worker", async () => {
  const { redisUrl, add, start } = await setUp();
  const worker = start(redisUrl, () => new Promise(() => undefined));
  await add("ada");
  await waitUntil("it is at work", () => worker.hasStartedJob());
  const startedAt = performance.now();
  await worker.close(200);
  expect(performance.now() - startedAt).toBeLessThan(1_500);
});
