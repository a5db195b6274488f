import { Redis } from "ioredis";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { provisioningQueueName, queuePrefix } from "../../src/queue/provisioning-queue.js";
import { createWorkerConnection } from "../../src/queue/redis-connection.js";
import { startJobWorker, type JobOutcome } from "../../workers/job-worker.js";
import { startWatchdog } from "../../workers/watchdog.js";
import { startFlakyProxy } from "../support/queue/flaky-proxy.js";
import { openQueue } from "../support/queue/open-queue.js";
import { waitUntil } from "../support/wait-until.js";
import { createTestRedis, startOwnRedis } from "../support/services.js";

type Data = { appUserId: AppUserId };

async function setUp(redisUrl?: string) {
  redisUrl ??= await createTestRedis();
  const queue = await openQueue(redisUrl);
  const add = (...users: string[]) =>
    queue.enqueue(users.map((user) => ({ job: "provision-user" as const, appUserId: user as AppUserId })));
  const start = (
    url: string,
    run: (appUserId: AppUserId) => Promise<JobOutcome>,
    onStopped: () => void = () => undefined,
  ) =>
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
      onStopped,
    });
  return { redisUrl, queue, add, start };
}

test("a worker whose connections are silently lost while jobs are running is restarted, and other jobs run", async () => {
  const { redisUrl, queue, add, start } = await setUp();
  const proxy = await startFlakyProxy(redisUrl);
  const started: string[] = [];
  let rebuilds = 0;
  let release: () => void = () => undefined;
  const lost = new Promise<void>((resolve) => (release = resolve));
  const watchdog = startWatchdog({
    rules: { checkEveryMs: 50, maxIdleMs: 1_000, maxRebuilds: 5 },
    hasWaitingJobs: async () => ((await queue.countJobs()).waiting ?? 0) > 0,
    shutDown: () => undefined,
    onRebuild: () => (rebuilds += 1),
    start: () =>
      start(proxy.url, async (appUserId) => {
        started.push(appUserId);
        if (!appUserId.startsWith("stuck")) return { type: "done" };
        // A stuck job occupies its slot forever, because it waits for a reply from Redis that never arrives.
        await lost;
        return { type: "delay", delayMs: 60_000 };
      }),
  });
  onTestFinished(() => watchdog.close(0));
  await add("stuck-1", "stuck-2");
  await waitUntil("both have started", () => started.length === 2);
  proxy.loseAll();
  release();
  await add("u1", "u2", "u3");
  await waitUntil("the others have started", () =>
    ["u1", "u2", "u3"].every((user) => started.includes(user)),
  );
  expect(rebuilds).toBeGreaterThan(0);
}, 40_000);

test("a worker with a running job is not idle, and a new worker reports that it has started no job", async () => {
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
  await waitUntil("the job is running", () => worker.hasStartedJob());
  expect(worker.idleMs()).toBe(0);
  finish();
  await waitUntil("the worker is idle", () => worker.idleMs() > 0);
});

test("closing waits for a running job", async () => {
  const { redisUrl, queue, add, start } = await setUp();
  let isDone = false;
  const worker = start(redisUrl, async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    isDone = true;
    return { type: "done" };
  });
  await add("ada");
  await waitUntil("the job is running", () => worker.hasStartedJob());
  await worker.close(2_000);
  expect(isDone).toBe(true);
  expect(await queue.countJobs()).toMatchObject({ active: 0, waiting: 0 });
});

test("closing does not wait longer than allowed for a job that never ends", async () => {
  const { redisUrl, add, start } = await setUp();
  const worker = start(redisUrl, () => new Promise(() => undefined));
  await add("ada");
  await waitUntil("the job is running", () => worker.hasStartedJob());
  const startedAt = performance.now();
  await worker.close(200);
  expect(performance.now() - startedAt).toBeLessThan(1_500);
});

test("a worker that is closed while Redis refuses its password makes no more attempts to connect", async () => {
  const { url } = await startOwnRedis();
  const admin = new Redis(url);
  onTestFinished(() => {
    admin.disconnect();
  });
  await admin.acl("SETUSER", "vital", "on", ">another", "~*", "&*", "+@all");
  const countConnections = async () =>
    Number(/total_connections_received:(\d+)/.exec(await admin.info("stats"))?.[1]);
  const { start } = await setUp(url);
  let isStopped = false;
  const worker = start(
    url.replace("redis://", "redis://vital:secret@"),
    () => Promise.resolve({ type: "done" }),
    () => (isStopped = true),
  );
  await waitUntil("the worker has stopped", () => isStopped);
  await worker.close(500);
  const atClose = await countConnections();
  // Longer than the delay between two attempts.
  await delay(2_500);
  expect(await countConnections()).toBe(atClose);
});
