import fc from "fast-check";
import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { jobFor } from "../../../src/core/provisioning/jobs.js";
import type { IssuedSignInToken } from "../../../src/core/tokens/sign-in-tokens.js";
import type { SignupEventType } from "../../../src/core/mapping/signup-event.js";
import { createSteppedSystem, type CallOutcome } from "../../support/core/stepped-system.js";
import type { FakeUser } from "../../support/core/fake-vital.js";
import { settleMs, type CoreProcess } from "../../support/core/core-process.js";

const users = ["auth0|ada", "auth0|bob"] as AppUserId[];

type Event = { appUserId: AppUserId; type: SignupEventType; at: number };
type Operation =
  | { do: "event"; appUserId: AppUserId; order: "next" | "tie" | "late"; type: SignupEventType }
  | { do: "token" | "job" | "delete upstream"; appUserId: AppUserId }
  | { do: "sweep" | "kill" }
  | { do: "advance"; ms: number };

// Mostly about one user: what goes wrong goes wrong between the steps of one.
const appUserId = fc.constantFrom(
  ...users.flatMap((user, index) => Array<AppUserId>(5 - 4 * index).fill(user)),
);
const event = fc.record({
  do: fc.constant("event" as const),
  appUserId,
  order: fc.constantFrom("next" as const, "next" as const, "next" as const, "tie" as const, "late" as const),
  type: fc.constantFrom<SignupEventType>("user.created", "user.deleted"),
});
const onUser = (what: "token" | "job" | "delete upstream") => fc.record({ do: fc.constant(what), appUserId });
const advance = fc.record({
  do: fc.constant("advance" as const),
  ms: fc.constantFrom(4_000, 6_000, 12_000, settleMs + 1),
});
const onProcess = (what: "sweep" | "kill") => fc.record({ do: fc.constant(what) });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: event },
  { weight: 8, arbitrary: onUser("job") },
  { weight: 3, arbitrary: onUser("token") },
  { weight: 1, arbitrary: onUser("delete upstream") },
  { weight: 4, arbitrary: advance },
  { weight: 2, arbitrary: onProcess("sweep") },
  { weight: 1, arbitrary: onProcess("kill") },
);
const fates = (bad: readonly CallOutcome[], badWeight: number) =>
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant<CallOutcome>("ok") },
      { weight: badWeight, arbitrary: fc.constantFrom(...bad) },
    ),
    { maxLength: 12 },
  );

const story = fc.record({
  operations: fc.array(fc.record({ what: operation, processIndex: fc.nat(2) }), {
    minLength: 2,
    maxLength: 16,
    size: "max",
  }),
  /** Decides which of the things that could happen next does. */
  seed: fc.integer(),
  vital: fates(["fail", "lost", "late"], 2),
  store: fates(["fail", "lost"], 1),
});
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

/** Mulberry32: numbers from 0 to 2³² − 1, the same for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** The newest event of a user; of two at one instant, the deletion. */
const newest = (events: readonly Event[], user: AppUserId) =>
  events
    .filter((one) => one.appUserId === user)
    .sort((a, b) => b.at - a.at || (a.type === "user.deleted" ? -1 : 1))[0];

async function live(told: Story): Promise<void> {
  const violations: string[] = [];
  const dead = new Set<string>();
  const issued: [AppUserId, IssuedSignInToken][] = [];
  const events: Event[] = [];
  const unacknowledged = new Set<Event>();

  const world = createSteppedSystem({
    fates: told,
    onDeleted({ vitalUserId, clientUserId }: FakeUser) {
      const row = world.row(clientUserId as AppUserId);
      const isRecorded = row?.state === "deleting" && row.vitalUserIdsToDelete.includes(vitalUserId);
      if (!isRecorded) violations.push(`deleted ${vitalUserId} of a mapping that is ${row?.state}`);
      dead.add(vitalUserId);
    },
    onWritten(row) {
      if (row.state === "active" && dead.has(row.vitalUserId)) violations.push(`activated a user we deleted`);
    },
  });
  const processes = [world.start(), world.start(), world.start()];
  let favourite = 0;

  /** An event after the newest one says the opposite of it; one of the same instant or before says anything. */
  function tell({ appUserId: user, order, type }: Extract<Operation, { do: "event" }>): Event {
    const last = newest(events, user) ?? { type: "user.deleted", at: 5 };
    const opposite = last.type === "user.created" ? "user.deleted" : "user.created";
    const step = { next: 1, tie: 0, late: -1 }[order];
    const told = { appUserId: user, type: order === "next" ? opposite : type, at: last.at + step };
    events.push(told);
    return told;
  }

  /** As a signup service does: sends an event again until it is acknowledged. */
  function publish(one: Event, process = processes[0]): void {
    unacknowledged.add(one);
    void process?.record(one.appUserId, one.type, one.at).then(
      () => unacknowledged.delete(one),
      () => undefined,
    );
  }

  function issue(user: AppUserId, process = processes[0]): void {
    void process?.signInTokens.issue(user).then(
      (token) => void issued.push([user, token]),
      () => undefined,
    );
  }

  /** Does what the user waits for, as a worker does on a job. */
  function workOn(user: AppUserId, process: CoreProcess): void {
    const job = jobFor[world.row(user)?.state ?? "pending"];
    const work =
      job === "deprovision-user"
        ? process.deprovisioning.deprovision(user)
        : process.provisioning.provision(user);
    work.catch(() => undefined);
  }

  async function begin({ what, processIndex }: Story["operations"][number]): Promise<void> {
    const process = processes[processIndex];
    if (process === undefined) return;
    if (what.do === "event") publish(tell(what), process);
    else if (what.do === "token") issue(what.appUserId, process);
    else if (what.do === "job") workOn(what.appUserId, process);
    else if (what.do === "delete upstream") world.vital.deleteInDashboard(what.appUserId);
    else if (what.do === "sweep") process.sweep().catch(() => undefined);
    else if (what.do === "advance") await world.advance(what.ms);
    else {
      process.kill();
      processes[processIndex] = world.start();
    }
  }

  /** A process goes on by itself until another one does: so one may be left in the middle of its work for long. */
  async function play(): Promise<void> {
    const operations = [...told.operations];
    async function beginNext(): Promise<void> {
      const next = operations.shift();
      if (next === undefined) return;
      favourite = next.processIndex;
      await begin(next);
    }
    const random = createRandom(told.seed);
    for (let turn = 0; turn < 250; turn += 1) {
      const choice = random();
      const value = random();
      const process = processes[favourite];
      if (choice % 8 === 0) await beginNext();
      else if (choice % 8 === 1) await world.runAny(value);
      else if (choice % 8 === 2) favourite = value % processes.length;
      else if (process === undefined || !(await world.runOldestOf(process))) await beginNext();
    }
    while (operations.length > 0) await beginNext();
  }

  /** Nothing fails any more: everybody finishes, senders send again, a sweeper comes back to what is due. */
  async function rest(): Promise<void> {
    world.endFaults();
    const sweeping = world.start();
    for (let round = 0; round < 80; round += 1) {
      for (const one of unacknowledged) publish(one, sweeping);
      await world.drain();
      sweeping.sweep().catch(() => undefined);
      await world.drain();
      if (!(await world.advanceToNextDue()) && unacknowledged.size === 0) return;
    }
    throw new Error("the world does not come to rest");
  }

  await play();
  for (const user of users) if (newest(events, user)?.type !== "user.deleted") issue(user);
  await rest();
  // Whoever lives asks once more: a Vital user that somebody deleted behind our back comes back now.
  const asking = world.start();
  const answers = users.map((user) => asking.signInTokens.issue(user).catch((error: unknown) => error));
  await world.drain();
  // What was late at Vital has come by now.
  await world.advance(settleMs);
  await rest();

  expect(violations).toEqual([]);
  for (const [user, token] of issued) {
    const owner = world.vital.ledger.find(({ vitalUserId }) => vitalUserId === token.vitalUserId);
    expect(owner?.clientUserId).toBe(user);
  }
  for (const [index, user] of users.entries()) {
    const row = world.row(user);
    const alive = world.vital.live(user).map(({ vitalUserId }) => vitalUserId);
    if (newest(events, user)?.type === "user.deleted") {
      expect({ state: row?.state, alive }).toEqual({ state: "deleted", alive: [] });
      expect(await answers[index]).toMatchObject({ code: "FORBIDDEN" });
    } else {
      const named = row?.state === "active" ? row.vitalUserId : row?.state;
      expect(alive).toEqual([named]);
      expect(await answers[index]).toMatchObject({ vitalUserId: named });
    }
  }
}

test("whatever interleaves, dies, fails or comes late: every user ends up with exactly what the newest event says", async () => {
  await fc.assert(fc.asyncProperty(story, live), { numRuns: 3_000, interruptAfterTimeLimit: 12_000 });
}, 60_000);
