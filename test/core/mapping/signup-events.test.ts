import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { createSignupEvents } from "../../../src/core/mapping/signup-events.js";
import type { SignupEventType } from "../../../src/core/mapping/signup-event.js";
import { createFakeVital } from "../../support/core/fake-vital.js";
import { createManualClock } from "../../support/manual-clock.js";
import { createMemoryStore, createMemoryTeamStore } from "../../support/core/memory-store.js";
import { isOnlyRemembered, toReceivedEvent } from "../../support/core/mapping-fixtures.js";
import { createTestContext } from "../../support/core/test-context.js";
import { settleMs, startCoreProcess, type CoreProcess } from "../../support/core/core-process.js";

const ada = "auth0|ada" as AppUserId;
type TimedEvent = [type: SignupEventType, at: number];

function createMemoryContext() {
  const store = createMemoryStore();
  const clock = createManualClock();
  const vital = createFakeVital();
  const woken: string[] = [];
  const process = startCoreProcess({
    store,
    teams: createMemoryTeamStore(),
    vital: vital.api,
    now: clock.now,
    wake: (job) => void woken.push(job),
  });
  return { store, clock, vital, process, woken };
}

async function settle({ process, clock }: { process: CoreProcess; clock: { advance(ms: number): void } }) {
  for (let round = 0; round < 8; round += 1) {
    clock.advance(settleMs / 2);
    await process.sweep();
  }
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, index) =>
    permutations(items.filter((_other, position) => position !== index)).map((rest) => [item, ...rest]),
  );
}

const stories: [string, TimedEvent[], "active" | "deleted"][] = [
  [
    "signup, deletion",
    [
      ["user.created", 1],
      ["user.deleted", 2],
    ],
    "deleted",
  ],
  [
    "signup, deletion, signup",
    [
      ["user.created", 1],
      ["user.deleted", 2],
      ["user.created", 3],
    ],
    "active",
  ],
  [
    "signup and deletion at the same time",
    [
      ["user.created", 2],
      ["user.deleted", 2],
    ],
    "deleted",
  ],
  [
    "two signups, each followed by a deletion",
    [
      ["user.created", 1],
      ["user.deleted", 2],
      ["user.created", 3],
      ["user.deleted", 4],
    ],
    "deleted",
  ],
];

test.each(stories)(
  "%s: the result depends neither on the order of arrival nor on repetition",
  async (_name, events, end) => {
    for (const order of permutations(events)) {
      for (const settlesInBetween of [false, true]) {
        const context = createMemoryContext();
        for (const [type, at] of [...order, ...order]) {
          await context.process.record(ada, type, at);
          if (settlesInBetween) await settle(context);
        }
        await settle(context);
        expect(await context.process.find(ada), JSON.stringify(order)).toMatchObject({ state: end });
        expect(context.vital.live(ada)).toHaveLength(end === "active" ? 1 : 0);
      }
    }
  },
);

test("a deletion before its signup leaves a tombstone, which only a newer signup makes pending again", async () => {
  const { start, clock, vital } = await createTestContext();
  const process = start();
  await process.record(ada, "user.deleted", 5);
  await settle({ process, clock });
  const tombstone = await process.find(ada);
  expect(tombstone?.state).toBe("deleted");

  await process.record(ada, "user.created", 4);
  expect(isOnlyRemembered(tombstone, await process.find(ada))).toBe(true);
  await expect(process.signInTokens.issue(ada)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await process.record(ada, "user.created", 5);
  expect(isOnlyRemembered(tombstone, await process.find(ada))).toBe(true);
  expect(vital.ledger).toEqual([]);

  await process.record(ada, "user.created", 6);
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "active" });
});

test("a deletion of an unknown app user still finds the Vital user", async () => {
  const { start, clock, vital } = await createTestContext();
  vital.addUser(ada);
  const process = start();
  await process.record(ada, "user.deleted", 1);
  await settle({ process, clock });
  expect(await process.find(ada)).toMatchObject({ state: "deleted" });
  expect(vital.live(ada)).toEqual([]);
});

test("a viewer's request does not outrank a deletion that arrives later", async () => {
  const { start, clock, vital } = await createTestContext();
  const process = start();
  await process.signInTokens.issue(ada);
  await process.record(ada, "user.deleted", 1);
  await settle({ process, clock });
  expect(await process.find(ada)).toMatchObject({ state: "deleted" });
  expect(vital.live(ada)).toEqual([]);
});

test("an event that arrives while another process writes the mapping is not lost", async () => {
  const { start, mappings } = await createTestContext();
  const processes = Array.from({ length: 6 }, () => start());
  await Promise.all(processes.map((process, index) => process.record(ada, "user.created", index)));
  expect(await mappings.find(ada)).toMatchObject({ lastEvent: { id: "user.created-5" } });
  await Promise.all([
    ...processes.map((process, index) => process.record(ada, "user.created", index)),
    ...processes.map((process) => process.record(ada, "user.deleted", 6)),
  ]);
  expect(await mappings.find(ada)).toMatchObject({ state: "deleting", lastEvent: { id: "user.deleted-6" } });
});

test("an event wakes a worker for the job that its user waits for, and no worker when there is no job", async () => {
  const { process, woken } = createMemoryContext();
  await process.record(ada, "user.created", 1);
  expect(woken).toEqual(["provision-user"]);
  await process.provisioning.provision(ada);
  await process.record(ada, "user.created", 1);
  expect(woken).toEqual(["provision-user"]);
  await process.record(ada, "user.deleted", 2);
  expect(woken).toEqual(["provision-user", "deprovision-user"]);
});

test("when one event of a batch cannot be stored, the batch fails, but the other events are stored", async () => {
  const { process, store } = createMemoryContext();
  const stored: AppUserId[] = [];
  const events = createSignupEvents({
    wake: () => undefined,
    now: () => new Date(),
    writer: {
      apply(appUserId, trigger, seen) {
        if (appUserId === ada) return Promise.reject(new Error("not stored"));
        stored.push(appUserId);
        return process.writer.apply(appUserId, trigger, seen);
      },
    },
  });
  const users = [ada, "u2" as AppUserId, "u3" as AppUserId];
  const recorded = events.record(
    users.map((appUserId) => toReceivedEvent(appUserId, "user.created", { id: "e" })),
  );
  await expect(recorded).rejects.toThrow("not stored");
  expect(stored).toEqual(users.slice(1));
  expect(store.mappings.size).toBe(2);
});
