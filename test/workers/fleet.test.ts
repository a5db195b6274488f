import { expect, onTestFinished, test } from "vitest";
import type { App } from "../../src/app.js";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import type { ServiceError } from "../../src/core/errors.js";
import { provisioningQueueName, queuePrefix } from "../../src/queue/provisioning-queue.js";
import { createWorkerConnection } from "../../src/queue/redis-connection.js";
import { startJobWorker } from "../../workers/job-worker.js";
import { waitUntil } from "../support/wait-until.js";
import { startOwnRedis } from "../support/services.js";
import { issueDeadlineMs, openFleet, toIds } from "../support/workers/fleet.js";

/** The time within which the first 429 arrives and the other processes learn of it, milliseconds. */
const propagationMs = 1_500;

test("during a pause that Vital asks for, workers and gateways only finish calls in flight, and then they resume", async () => {
  const { vital, start, listCalls, whenActive } = await openFleet({ concurrency: 5 });
  const [gateway, one, other] = [await start("gateway"), await start("worker"), await start("worker")];
  const [viewer] = toIds("viewer", 1);
  if (viewer === undefined) throw new Error("there should be a viewer");
  // Let every process verify the team now, so that later calls to Vital include no lookup of the team.
  await gateway.tokens.issue(viewer);
  const early = toIds("early", 20);
  await gateway.signUp(early);
  await whenActive(gateway, early);

  await vital.fault({ operation: "*", kind: "status", status: 429, retryAfterSeconds: 5 });
  const users = toIds("user", 60);
  const before = (await listCalls()).length;
  await gateway.signUp(users);
  await waitUntil("Vital has asked for a pause", async () =>
    (await listCalls()).some(({ status }) => status === 429),
  );
  const [first] = (await listCalls()).filter(({ status }) => status === 429);
  const firstAt = first?.at ?? 0;
  // The gateway has not received a 429 itself, so it must learn of the pause from the workers.
  await waitUntil("the gateway should have learned of it", () => Date.now() >= firstAt + propagationMs);
  const results: unknown[] = [];
  while (Date.now() < firstAt + 3_500) {
    results.push(await gateway.tokens.issue(viewer).catch((error: unknown) => error));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await vital.call("DELETE", "/__simulator/faults", { key: null });

  const calls = (await listCalls()).slice(before);
  const late = calls.filter(({ at }) => at > firstAt + propagationMs && at < firstAt + 5_000);
  expect(late).toEqual([]);
  // At most one call for each job slot: no slot calls twice.
  expect(calls.filter(({ status }) => status === 429).length).toBeLessThanOrEqual(10);
  for (const refusal of results)
    expect(refusal).toMatchObject({ code: "VITAL_UNAVAILABLE", retryable: true });

  await whenActive(one, users);
  for (const mapping of await Promise.all(users.map(one.mappings.find)))
    expect(mapping).toMatchObject({ attempts: 0 });
  const waited = await Promise.all(
    [one, other].map(({ readMetric }) => readMetric("rate_limited_seconds_total")),
  );
  for (const seconds of waited) expect(seconds).toBeLessThan(6);
}, 30_000);

test("a rejected key stops the calls without using job attempts, sets the gauge, and is probed rarely until it is accepted", async () => {
  const breakerRules = { credentialsProbeMs: 1_500 };
  const { vital, start, listCalls, whenActive } = await openFleet({ concurrency: 5, breakerRules });
  const [gateway, worker] = [await start("gateway"), await start("worker")];
  await vital.fault({ operation: "*", kind: "status", status: 401 });
  const users = toIds("user", 30);
  await gateway.signUp(users);
  await waitUntil("the gauge is set", async () => (await worker.readMetric("credentials_refused")) === 1);
  const before = (await listCalls()).length;
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect((await listCalls()).length - before).toBeLessThanOrEqual(3);
  for (const mapping of await Promise.all(users.map(worker.mappings.find))) {
    expect(mapping).toMatchObject({ state: "pending", attempts: 0 });
  }
  const { failed, ...kept } = await worker.queue.countJobs();
  expect(failed).toBe(0);
  expect(Object.values(kept).reduce((sum, count) => sum + count)).toBe(users.length);

  await vital.call("DELETE", "/__simulator/faults", { key: null });
  await whenActive(worker, users, 20_000);
  expect(await worker.readMetric("credentials_refused")).toBe(0);
}, 40_000);

/** Makes the mappings due, as if their jobs had been late and `sweeps` sweeps had claimed them. */
async function makeDue(
  { mappings }: Pick<App, "mappings">,
  appUserIds: readonly AppUserId[],
  sweeps = 0,
): Promise<void> {
  for (const appUserId of appUserIds) {
    const mapping = await mappings.find(appUserId);
    if (mapping?.state !== "pending") throw new Error("the mapping should be pending");
    await mappings.replace(mapping, {
      ...mapping,
      nextSweepAt: new Date(),
      sweeps,
      revision: mapping.revision + 1,
    });
  }
}

test("the sweeper provisions users while Redis is down", async () => {
  const redis = await startOwnRedis();
  const { start, whenActive } = await openFleet({ redisUrl: redis.url });
  const [gateway, worker] = [await start("gateway"), await start("worker")];
  await redis.kill();
  await waitUntil("the gateway notices that Redis is down", () => !gateway.queue.isReachable());
  const users = toIds("user", 25);
  await gateway.signUp(users);
  await makeDue(gateway, users);
  await whenActive(worker, users);
}, 30_000);

test("a sweeper provisions a user whose job a frozen worker holds", async () => {
  const { start, whenActive, redisUrl } = await openFleet();
  const gateway = await start("gateway");
  const frozen = startJobWorker({
    queueName: provisioningQueueName,
    prefix: queuePrefix,
    connect: () => createWorkerConnection(redisUrl),
    concurrency: 1,
    jobsPerSecond: 0,
    run: () => new Promise(() => undefined),
    pauseFleet: () => Promise.resolve(),
    onFailed: () => undefined,
    onError: () => undefined,
    onStopped: () => undefined,
  });
  onTestFinished(() => frozen.close(0));
  const users = toIds("user", 1);
  await gateway.signUp(users);
  await waitUntil("the job is held", () => frozen.hasStartedJob());
  const worker = await start("worker");
  await makeDue(gateway, users, 1);
  await whenActive(worker, users);
  expect((await worker.queue.countJobs()).active).toBe(1);
}, 30_000);

test("while Vital hangs, every viewer gets a typed error in time, and all are provisioned after it has recovered", async () => {
  const { vital, start, whenActive } = await openFleet();
  const [gateway, worker] = [await start("gateway"), await start("worker")];
  await vital.fault({ operation: "*", kind: "hang" });
  const [users, viewers] = [toIds("user", 30), toIds("viewer", 30)];
  await gateway.signUp(users);
  const startedAt = performance.now();
  const errors = await Promise.all(
    viewers.map((viewer) => gateway.tokens.issue(viewer).catch((error: unknown) => error)),
  );
  expect(performance.now() - startedAt).toBeLessThan(issueDeadlineMs + 1_000);
  for (const error of errors) {
    expect(error).toMatchObject({ code: "VITAL_UNAVAILABLE", retryable: true });
    expect((error as ServiceError).retryAfterSeconds).toBeGreaterThan(0);
  }
  await vital.call("DELETE", "/__simulator/faults", { key: null });
  await whenActive(worker, [...users, ...viewers], 40_000);
}, 60_000);
