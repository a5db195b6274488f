import { expect, test } from "vitest";
import { startOwnRedis } from "../support/services.js";
import { waitUntil } from "../support/wait-until.js";
import { openFleet, toIds } from "../support/workers/fleet.js";

type Fleet = Awaited<ReturnType<typeof openFleet>>;

const stopRefusing = ({ vital }: Fleet) => vital.call("DELETE", "/__simulator/faults", { key: null });

/** Starts processes whose calls are refused, each from a call of its own. */
async function startRefused(fleet: Fleet, count: number) {
  const processes = await Promise.all(Array.from({ length: count }, () => fleet.start("gateway")));
  await fleet.vital.fault({ operation: "*", kind: "status", status: 401 });
  for (const { vital, readMetric } of processes) {
    await expect(vital.findAnyUser()).rejects.toThrow();
    expect(await readMetric("credentials_refused")).toBe(1);
  }
  return processes;
}

/** Processes that share Redis, and another one that makes the first call that Vital accepts. */
async function expectAcceptedElsewhere(): Promise<void> {
  const fleet = await openFleet();
  const processes = await startRefused(fleet, 3);
  await stopRefusing(fleet);
  const acceptedAtMs = performance.now();
  // Another process, which was never refused, makes the first call that succeeds.
  await (await fleet.start("gateway")).vital.findAnyUser();
  const read = () => Promise.all(processes.map(({ readMetric }) => readMetric("credentials_refused")));
  expect(await read()).toEqual([1, 1, 1]);
  await waitUntil("every gauge is 0", async () => (await read()).every((value) => value === 0), 15_000);
  expect(performance.now() - acceptedAtMs).toBeLessThan(15_000);
}

async function expectAcceptedWithoutRedis(): Promise<void> {
  const redis = await startOwnRedis();
  const fleet = await openFleet({ redisUrl: redis.url });
  const [refused] = await startRefused(fleet, 1);
  await redis.kill();
  await stopRefusing(fleet);
  const read = () => refused?.readMetric("credentials_refused");
  await waitUntil("the gauge is 0 without Redis", async () => (await read()) === 0, 15_000);
}

test("a refused key shows as accepted in processes with nothing to do, within 15 seconds of the first accepted call", async () => {
  await Promise.all([expectAcceptedElsewhere(), expectAcceptedWithoutRedis()]);
}, 40_000);

test("a process with nothing to do asks rarely while its key is refused, and stops when it is accepted", async () => {
  const fleet = await openFleet({ breakerRules: { credentialsProbeMs: 500 } });
  const [idle] = await startRefused(fleet, 1);
  const before = (await fleet.listCalls()).length;
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  const asked = (await fleet.listCalls()).length - before;
  expect(asked).toBeGreaterThanOrEqual(2);
  expect(asked).toBeLessThanOrEqual(8);
  await stopRefusing(fleet);
  await waitUntil("the gauge is 0", async () => (await idle?.readMetric("credentials_refused")) === 0);
  await new Promise((resolve) => setTimeout(resolve, 750));
  const after = (await fleet.listCalls()).length;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect((await fleet.listCalls()).length).toBe(after);
}, 30_000);

test("the gauge goes up and down with every change, and the key is refused for a busy process too", async () => {
  const fleet = await openFleet({ breakerRules: { credentialsProbeMs: 500 } });
  const worker = await fleet.start("worker");
  for (let round = 0; round < 2; round += 1) {
    await fleet.vital.fault({ operation: "*", kind: "status", status: 403 });
    const users = toIds(`round-${round}`, 3);
    await worker.signUp(users);
    await waitUntil("it is refused", async () => (await worker.readMetric("credentials_refused")) === 1);
    await stopRefusing(fleet);
    await waitUntil("it is accepted", async () => (await worker.readMetric("credentials_refused")) === 0);
    await fleet.whenActive(worker, users);
  }
}, 60_000);
