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

function openSweeper(store: Store, { isReachable = true, takesJobs = true } = {}) {
  const clock = createManualClock(dueAt.toISOString());
  const enqueued: string[] = [];
  const worked: string[] = [];
  const reenqueued: number[] = [];
  const gate = createLatch();
  let atWork = 0;
  let mostAtWork = 0;
  const queue = { isReachable, takesJobs };
  const sweeper = createSweeper({
    mappings: store,
    queue: {
      isReachable: () => queue.isReachable,
      enqueue(jobs) {
        if (!queue.takesJobs) return Promise.reject(new Error("Redis did not answer"));
        enqueued.push(...jobs.map(({ job, appUserId }) => `${job} ${appUserId}`));
        return Promise.resolve();
      },
    },
    async runJob(job: ProvisioningJob, appUserId: AppUserId) {
      worked.push(`${job} ${appUserId}`);
      atWork += 1;
      mostAtWork = Math.max(mostAtWork, atWork);
      await gate.opened;
      atWork -= 1;
    },
    now: clock.now,
    random: () => 0.5,
    onReenqueued: (amount) => reenqueued.push(amount),
  });
  return {
    ...{ sweeper, clock, queue, enqueued, worked, reenqueued },
    finishWork: gate.open,
    mostAtWork: () => mostAtWork,
    atWork: () => atWork,
  };
}

test("what is due is enqueued again, the longest overdue first, and left alone for a while", async () => {
  const store = createMemoryStore();
  const early = new Date(dueAt.getTime() - 1_000);
  const later = new Date(dueAt.getTime() + 1);
  await store.insert(mappingFixture("pending", { appUserId: toId(1), nextSweepAt: dueAt, sweeps: 0 }));
  await store.insert(mappingFixture("deleting", { appUserId: toId(2), nextSweepAt: early, sweeps: 0 }));
  await store.insert(mappingFixture("pending", { appUserId: toId(3), nextSweepAt: later }));
  await store.insert(mappingFixture("active", { appUserId: toId(4) }));
  const { sweeper, enqueued, worked, reenqueued } = openSweeper(store);
  expect(await sweeper.sweep()).toBe(2);
  expect(enqueued).toEqual(["deprovision-user u2", "provision-user u1"]);
  expect(reenqueued).toEqual([2]);
  expect(worked).toEqual([]);
  expect(await sweeper.sweep()).toBe(0);
  expect(store.mappings.get(toId(1))).toMatchObject({
    sweeps: 1,
    revision: 22,
    generation: 7,
    nextSweepAt: new Date(dueAt.getTime() + sweeperRules.minClaimMs),
  });
});

test("two sweepers never both take the same row", async () => {
  const { mappings } = await createTestStore();
  await insertDue(mappings, 40);
  const sweepers = Array.from({ length: 4 }, () => openSweeper(mappings));
  const claims = await Promise.all(sweepers.map(({ sweeper }) => sweeper.sweep()));
  const jobs = sweepers.flatMap(({ enqueued }) => enqueued);
  expect(claims.reduce((sum, claimed) => sum + claimed)).toBe(40);
  expect(new Set(jobs).size).toBe(40);
  expect(jobs).toHaveLength(40);
});

test("a row that somebody changed after it was listed is left to him", async () => {
  const store = createMemoryStore();
  await insertDue(store, 1);
  const listDue: Store["listDue"] = async (at, limit) => {
    const listed = await store.listDue(at, limit);
    for (const row of listed) await store.replace(row, { ...row, revision: row.revision + 1 });
    return listed;
  };
  const { sweeper, enqueued } = openSweeper({ ...store, listDue });
  expect(await sweeper.sweep()).toBe(0);
  expect(enqueued).toEqual([]);
});

test("without the queue it does the work itself, a few rows at a time, and leaves the others due", async () => {
  const store = createMemoryStore();
  await insertDue(store, 25);
  const house = openSweeper(store, { isReachable: false });
  expect(await house.sweeper.sweep()).toBe(sweeperRules.directConcurrency);
  expect(await house.sweeper.sweep()).toBe(0);
  expect(house.worked).toHaveLength(sweeperRules.directConcurrency);
  expect(await store.listDue(dueAt, 100)).toHaveLength(15);

  house.finishWork();
  for (const expected of [20, 25]) {
    await waitUntil("the work is done", () => house.atWork() === 0);
    await house.sweeper.sweep();
    expect(house.worked).toHaveLength(expected);
  }
  expect(new Set(house.worked).size).toBe(25);
  expect(house.mostAtWork()).toBe(sweeperRules.directConcurrency);
  expect(house.reenqueued).toEqual([]);
});

test("a queue that is there but takes no jobs is as good as none", async () => {
  const store = createMemoryStore();
  await insertDue(store, 3);
  const { sweeper, worked, reenqueued } = openSweeper(store, { takesJobs: false });
  expect(await sweeper.sweep()).toBe(3);
  expect(worked).toEqual(["provision-user u0", "provision-user u1", "provision-user u2"]);
  expect(reenqueued).toEqual([]);
});

test("what a queue with no room for it leaves over is due again after its claim", async () => {
  const store = createMemoryStore();
  await insertDue(store, 12);
  const { sweeper, worked, clock, finishWork } = openSweeper(store, { takesJobs: false });
  expect(await sweeper.sweep()).toBe(12);
  expect(worked).toHaveLength(sweeperRules.directConcurrency);
  finishWork();
  for (let number = 0; number < sweeperRules.directConcurrency; number += 1) {
    const row = await store.find(toId(number));
    if (row !== null) await store.replace(row, mappingFixture("active", { appUserId: toId(number) }));
  }
  clock.advance(sweeperRules.minClaimMs);
  await sweeper.sweep();
  expect(new Set(worked).size).toBe(12);
});

test("a row that the queue has not helped is worked on directly, and enqueued all the same", async () => {
  const store = createMemoryStore();
  await insertDue(store, 1);
  const { sweeper, enqueued, worked, clock } = openSweeper(store);
  await sweeper.sweep();
  expect(worked).toEqual([]);
  clock.advance(sweeperRules.maxClaimMs);
  await sweeper.sweep();
  expect(worked).toEqual(["provision-user u0"]);
  expect(enqueued).toHaveLength(2);
});

test("a row that it is still working on is not begun a second time", async () => {
  const store = createMemoryStore();
  await insertDue(store, 1);
  const { sweeper, worked, clock, finishWork } = openSweeper(store, { isReachable: false });
  await sweeper.sweep();
  clock.advance(sweeperRules.maxClaimMs);
  expect(await sweeper.sweep()).toBe(1);
  expect(worked).toHaveLength(1);
  finishWork();
});

test("a row is left alone for longer the more often it was swept, up to a limit", async () => {
  const store = createMemoryStore();
  await insertDue(store, 1);
  const { sweeper, clock, finishWork } = openSweeper(store);
  finishWork();
  const waits: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    await sweeper.sweep();
    const row = store.mappings.get(toId(0));
    const nextMs = row?.state === "pending" ? row.nextSweepAt.getTime() : 0;
    waits.push(nextMs - clock.now().getTime());
    clock.advance(waits.at(-1) ?? 0);
  }
  expect(waits).toEqual([10_000, 20_000, 20_000, 20_000]);
});

test("a store that does not answer fails the round, and the next one works", async () => {
  const store = createMemoryStore();
  await insertDue(store, 1);
  let isDown = true;
  const listDue: Store["listDue"] = (at, limit) =>
    isDown ? Promise.reject(new Error("MongoDB is away")) : store.listDue(at, limit);
  const { sweeper } = openSweeper({ ...store, listDue });
  await expect(sweeper.sweep()).rejects.toThrow("MongoDB is away");
  isDown = false;
  expect(await sweeper.sweep()).toBe(1);
});
