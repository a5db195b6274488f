import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import type { ProvisioningJob } from "../../../src/core/provisioning/jobs.js";
import { createSweeper, sweeperRules } from "../../../src/core/provisioning/sweeper.js";
import { waitUntil } from "../../support/wait-until.js";
import { createManualClock } from "../../support/manual-clock.js";
import { createMemoryStore } from "../../support/core/memory-store.js";
import { createTestStore } from "../../support/core/test-context.js";
import { mappingFixture } from "../../support/core/mapping-fixtures.js";
import { createLatch } from "../../support/core/fake-network.js";
import type { Store } from "../../support/core/core-process.js";

const toId = (number: number) => `u${number}` as AppUserId;
const dueAt = new Date("2026-11-22T10:00:00.000Z");

async function insertDue(store: Store, amount: number): Promise<void> {
  for (let number = 0; number < amount; number += 1) {
    await store.insert(mappingFixture("pending", { appUserId: toId(number), nextSweepAt: dueAt, sweeps: 0 }));
  }
}

function openSweeper(store: Store, { isReachable = true, acceptsJobs = true } = {}) {
  const clock = createManualClock(dueAt.toISOString());
  const enqueued: string[] = [];
  const ran: string[] = [];
  const reenqueued: number[] = [];
  const finished = createLatch();
  let running = 0;
  let mostRunning = 0;
  const queue = { isReachable, acceptsJobs };
  const sweeper = createSweeper({
    mappings: store,
    queue: {
      isReachable: () => queue.isReachable,
      enqueue(jobs) {
        if (!queue.acceptsJobs) return Promise.reject(new Error("Redis is not responding"));
        enqueued.push(...jobs.map(({ job, appUserId }) => `${job} ${appUserId}`));
        return Promise.resolve();
      },
    },
    async runJob(job: ProvisioningJob, appUserId: AppUserId) {
      ran.push(`${job} ${appUserId}`);
      running += 1;
      mostRunning = Math.max(mostRunning, running);
      await finished.opened;
      running -= 1;
    },
    now: clock.now,
    random: () => 0.5,
    onReenqueued: (amount) => reenqueued.push(amount),
  });
  return {
    ...{ sweeper, clock, queue, enqueued, ran, reenqueued },
    finishWork: finished.open,
    mostRunning: () => mostRunning,
    running: () => running,
  };
}

test("due mappings are enqueued again, the longest overdue first, and are then not due for a while", async () => {
  const store = createMemoryStore();
  const early = new Date(dueAt.getTime() - 1_000);
  const later = new Date(dueAt.getTime() + 1);
  await store.insert(mappingFixture("pending", { appUserId: toId(1), nextSweepAt: dueAt, sweeps: 0 }));
  await store.insert(mappingFixture("deleting", { appUserId: toId(2), nextSweepAt: early, sweeps: 0 }));
  await store.insert(mappingFixture("pending", { appUserId: toId(3), nextSweepAt: later }));
  await store.insert(mappingFixture("active", { appUserId: toId(4) }));
  const { sweeper, enqueued, ran, reenqueued } = openSweeper(store);
  expect(await sweeper.sweep()).toBe(2);
  expect(enqueued).toEqual(["deprovision-user u2", "provision-user u1"]);
  expect(reenqueued).toEqual([2]);
  expect(ran).toEqual([]);
  expect(await sweeper.sweep()).toBe(0);
  expect(store.mappings.get(toId(1))).toMatchObject({
    sweeps: 1,
    revision: 22,
    generation: 7,
    nextSweepAt: new Date(dueAt.getTime() + sweeperRules.minClaimMs),
  });
});

test("two sweepers never both claim the same mapping", async () => {
  const { mappings } = await createTestStore();
  await insertDue(mappings, 40);
  const sweepers = Array.from({ length: 4 }, () => openSweeper(mappings));
  const claims = await Promise.all(sweepers.map(({ sweeper }) => sweeper.sweep()));
  const jobs = sweepers.flatMap(({ enqueued }) => enqueued);
  expect(claims.reduce((sum, claimed) => sum + claimed)).toBe(40);
  expect(new Set(jobs).size).toBe(40);
  expect(jobs).toHaveLength(40);
});

test("a mapping that changed after it was listed is not claimed", async () => {
  const store = createMemoryStore();
  await insertDue(store, 1);
  const listDue: Store["listDue"] = async (at, limit) => {
    const listed = await store.listDue(at, limit);
    for (const mapping of listed)
      await store.replace(mapping, { ...mapping, revision: mapping.revision + 1 });
    return listed;
  };
  const { sweeper, enqueued } = openSweeper({ ...store, listDue });
  expect(await sweeper.sweep()).toBe(0);
  expect(enqueued).toEqual([]);
});

test("without the queue the sweeper runs the jobs itself, a few at a time, and the other mappings stay due", async () => {
  const store = createMemoryStore();
  await insertDue(store, 25);
  const context = openSweeper(store, { isReachable: false });
  expect(await context.sweeper.sweep()).toBe(sweeperRules.directConcurrency);
  expect(await context.sweeper.sweep()).toBe(0);
  expect(context.ran).toHaveLength(sweeperRules.directConcurrency);
  expect(await store.listDue(dueAt, 100)).toHaveLength(15);

  context.finishWork();
  for (const expected of [20, 25]) {
    await waitUntil("the work is done", () => context.running() === 0);
    await context.sweeper.sweep();
    expect(context.ran).toHaveLength(expected);
  }
  expect(new Set(context.ran).size).toBe(25);
  expect(context.mostRunning()).toBe(sweeperRules.directConcurrency);
  expect(context.reenqueued).toEqual([]);
});

test("a queue that accepts no jobs is treated as unavailable", async () => {
  const store = createMemoryStore();
  await insertDue(store, 3);
  const { sweeper, ran, reenqueued } = openSweeper(store, { acceptsJobs: false });
  expect(await sweeper.sweep()).toBe(3);
  expect(ran).toEqual(["provision-user u0", "provision-user u1", "provision-user u2"]);
  expect(reenqueued).toEqual([]);
});

test("mappings that the sweeper has no capacity for are due again after their claim", async () => {
  const store = createMemoryStore();
  await insertDue(store, 12);
  const { sweeper, ran, clock, finishWork } = openSweeper(store, { acceptsJobs: false });
  expect(await sweeper.sweep()).toBe(12);
  expect(ran).toHaveLength(sweeperRules.directConcurrency);
  finishWork();
  for (let number = 0; number < sweeperRules.directConcurrency; number += 1) {
    const mapping = await store.find(toId(number));
    if (mapping !== null) await store.replace(mapping, mappingFixture("active", { appUserId: toId(number) }));
  }
  clock.advance(sweeperRules.minClaimMs);
  await sweeper.sweep();
  expect(new Set(ran).size).toBe(12);
});

test("a mapping that is still due after it was enqueued is processed directly, and enqueued again", async () => {
  const store = createMemoryStore();
  await insertDue(store, 1);
  const { sweeper, enqueued, ran, clock } = openSweeper(store);
  await sweeper.sweep();
  expect(ran).toEqual([]);
  clock.advance(sweeperRules.maxClaimMs);
  await sweeper.sweep();
  expect(ran).toEqual(["provision-user u0"]);
  expect(enqueued).toHaveLength(2);
});

test("a job that is still running is not started a second time", async () => {
  const store = createMemoryStore();
  await insertDue(store, 1);
  const { sweeper, ran, clock, finishWork } = openSweeper(store, { isReachable: false });
  await sweeper.sweep();
  clock.advance(sweeperRules.maxClaimMs);
  expect(await sweeper.sweep()).toBe(1);
  expect(ran).toHaveLength(1);
  finishWork();
});

test("each sweep doubles the time until a mapping is due again, up to a limit", async () => {
  const store = createMemoryStore();
  await insertDue(store, 1);
  const { sweeper, clock, finishWork } = openSweeper(store);
  finishWork();
  const waits: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    await sweeper.sweep();
    const mapping = store.mappings.get(toId(0));
    const nextMs = mapping?.state === "pending" ? mapping.nextSweepAt.getTime() : 0;
    waits.push(nextMs - clock.now().getTime());
    clock.advance(waits.at(-1) ?? 0);
  }
  expect(waits).toEqual([10_000, 20_000, 20_000, 20_000]);
});

test("a store that is not responding fails the round, and the next round works", async () => {
  const store = createMemoryStore();
  await insertDue(store, 1);
  let isDown = true;
  const listDue: Store["listDue"] = (at, limit) =>
    isDown ? Promise.reject(new Error("the store is down")) : store.listDue(at, limit);
  const { sweeper } = openSweeper({ ...store, listDue });
  await expect(sweeper.sweep()).rejects.toThrow("the store is down");
  isDown = false;
  expect(await sweeper.sweep()).toBe(1);
});
