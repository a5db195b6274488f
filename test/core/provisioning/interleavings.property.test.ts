import fc from "fast-check";
import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { jobFor } from "../../../src/core/provisioning/jobs.js";
import type { IssuedSignInToken } from "../../../src/core/tokens/sign-in-tokens.js";
import type { SignupEventType } from "../../../src/core/mapping/signup-event.js";
import type { TransitionRules } from "../../../src/core/mapping/next-mapping.js";
import { createSteppedSystem, type CallOutcome } from "../../support/core/stepped-system.js";
import { createRandom } from "../../support/random.js";
import type { FakeUser } from "../../support/core/fake-vital.js";
import { legacyRules, rules, settleMs, type CoreProcess } from "../../support/core/core-process.js";

/** A story is about users 0 and 1. */
type World = { users: readonly AppUserId[]; rules: TransitionRules };

const world: World = { users: ["auth0|ada", "auth0|bob"] as AppUserId[], rules };
/** Mappings of versions that sent every app user id to Vital unchanged: no path carries the ids of these users. */
const legacyWorld: World = { users: ["team/ada", "team/bob"] as AppUserId[], rules: legacyRules };

type Event = { appUserId: AppUserId; type: SignupEventType; at: number };
type Operation =
  | { do: "event"; user: number; order: "next" | "tie" | "late"; type: SignupEventType }
  | { do: "token" | "job" | "delete in dashboard"; user: number }
  | { do: "sweep" | "kill" }
  | { do: "advance"; ms: number };

// Mostly one user, because most bugs appear between the steps of one user.
const user = fc.constantFrom(0, 0, 0, 0, 0, 1);
const event = fc.record({
  do: fc.constant("event" as const),
  user,
  order: fc.constantFrom("next" as const, "next" as const, "next" as const, "tie" as const, "late" as const),
  type: fc.constantFrom<SignupEventType>("user.created", "user.deleted"),
});
const onUser = (what: "token" | "job" | "delete in dashboard") => fc.record({ do: fc.constant(what), user });
const advance = fc.record({
  do: fc.constant("advance" as const),
  ms: fc.constantFrom(4_000, 6_000, 12_000, settleMs + 1),
});
const onProcess = (what: "sweep" | "kill") => fc.record({ do: fc.constant(what) });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: event },
  { weight: 8, arbitrary: onUser("job") },
  { weight: 3, arbitrary: onUser("token") },
  { weight: 1, arbitrary: onUser("delete in dashboard") },
  { weight: 4, arbitrary: advance },
  { weight: 2, arbitrary: onProcess("sweep") },
  { weight: 1, arbitrary: onProcess("kill") },
);
const callOutcomes = (bad: readonly CallOutcome[], badWeight: number) =>
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant<CallOutcome>("ok") },
      { weight: badWeight, arbitrary: fc.constantFrom(...bad) },
    ),
    { maxLength: 12 },
  );

const stories = fc.record({
  operations: fc.array(fc.record({ what: operation, processIndex: fc.nat(2) }), {
    minLength: 2,
    maxLength: 16,
    size: "max",
  }),
  /** Decides which of the possible next steps runs. */
  seed: fc.integer(),
  vital: callOutcomes(["fail", "lost", "late"], 2),
  store: callOutcomes(["fail", "lost"], 1),
});
type Story = typeof stories extends fc.Arbitrary<infer T> ? T : never;

/** Returns the newest event of a user; of two with the same time, the deletion. */
const newest = (events: readonly Event[], user: AppUserId) =>
  events
    .filter((one) => one.appUserId === user)
    .sort((a, b) => b.at - a.at || (a.type === "user.deleted" ? -1 : 1))[0];

async function runStory(story: Story, { users, rules }: World): Promise<void> {
  const toUser = (index: number): AppUserId => users[index] ?? ("" as AppUserId);
  const violations: string[] = [];
  const dead = new Set<string>();
  const issued: [AppUserId, IssuedSignInToken][] = [];
  const events: Event[] = [];
  const unacknowledged = new Set<Event>();

  const system = createSteppedSystem({
    callOutcomes: story,
    rules,
    onDeleted({ vitalUserId, clientUserId }: FakeUser) {
      const mapping = system.mapping(clientUserId as AppUserId);
      const isRecorded = mapping?.state === "deleting" && mapping.vitalUserIdsToDelete.includes(vitalUserId);
      if (!isRecorded) violations.push(`deleted ${vitalUserId} of a mapping that is ${mapping?.state}`);
      dead.add(vitalUserId);
    },
    onWritten(mapping) {
      if (mapping.state === "active" && dead.has(mapping.vitalUserId))
        violations.push(`activated a deleted user`);
    },
  });
  const processes = [system.start(), system.start(), system.start()];
  let current = 0;

  /** An event later than the newest one has the opposite type. One with the same or an earlier time may have any type. */
  function nextEvent({ user: index, order, type }: Extract<Operation, { do: "event" }>): Event {
    const user = toUser(index);
    const last = newest(events, user) ?? { type: "user.deleted", at: 5 };
    const opposite = last.type === "user.created" ? "user.deleted" : "user.created";
    const step = { next: 1, tie: 0, late: -1 }[order];
    const event = { appUserId: user, type: order === "next" ? opposite : type, at: last.at + step };
    events.push(event);
    return event;
  }

  /** Sends an event as a signup service does. `settle` sends it again until it is acknowledged. */
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

  /** Runs the job that the user waits for, as a worker does. */
  function workOn(user: AppUserId, process: CoreProcess): void {
    const job = jobFor[system.mapping(user)?.state ?? "pending"];
    const work =
      job === "deprovision-user"
        ? process.deprovisioning.deprovision(user)
        : process.provisioning.provision(user);
    work.catch(() => undefined);
  }

  async function start({ what, processIndex }: Story["operations"][number]): Promise<void> {
    const process = processes[processIndex];
    if (process === undefined) return;
    if (what.do === "event") publish(nextEvent(what), process);
    else if (what.do === "token") issue(toUser(what.user), process);
    else if (what.do === "job") workOn(toUser(what.user), process);
    else if (what.do === "delete in dashboard") system.vital.deleteInDashboard(toUser(what.user));
    else if (what.do === "sweep") process.sweep().catch(() => undefined);
    else if (what.do === "advance") await system.advance(what.ms);
    else {
      process.kill();
      processes[processIndex] = system.start();
    }
  }

  /** A process continues until another one is chosen, so a process may stop halfway through its work for a long time. */
  async function runOperations(): Promise<void> {
    const operations = [...story.operations];
    async function startNext(): Promise<void> {
      const next = operations.shift();
      if (next === undefined) return;
      current = next.processIndex;
      await start(next);
    }
    const random = createRandom(String(story.seed));
    for (let turn = 0; turn < 250; turn += 1) {
      const choice = random.integer(0, 7);
      const process = processes[current];
      if (choice === 0) await startNext();
      else if (choice === 1) await system.runAny(random);
      else if (choice === 2) current = random.integer(0, processes.length - 1);
      else if (process === undefined || !(await system.runOldestOf(process))) await startNext();
    }
    while (operations.length > 0) await startNext();
  }

  /** Ends all faults: all processes finish, senders send again, and a sweeper processes the due mappings. */
  async function settle(): Promise<void> {
    system.endFaults();
    const sweeping = system.start();
    for (let round = 0; round < 80; round += 1) {
      for (const one of unacknowledged) publish(one, sweeping);
      await system.drain();
      sweeping.sweep().catch(() => undefined);
      await system.drain();
      if (!(await system.advanceToNextDue()) && unacknowledged.size === 0) return;
    }
    throw new Error("the system does not settle");
  }

  await runOperations();
  for (const user of users) if (newest(events, user)?.type !== "user.deleted") issue(user);
  await settle();
  // Each app user asks once more, so that a Vital user deleted in the dashboard is created again.
  const asking = system.start();
  const responses = users.map((user) => asking.signInTokens.issue(user).catch((error: unknown) => error));
  await system.drain();
  // By now, all late calls have committed at Vital.
  await system.advance(settleMs);
  await settle();

  expect(violations).toEqual([]);
  for (const [user, token] of issued) {
    const owner = system.vital.ledger.find(({ vitalUserId }) => vitalUserId === token.vitalUserId);
    expect(owner?.clientUserId).toBe(user);
  }
  for (const [index, user] of users.entries()) {
    const mapping = system.mapping(user);
    const alive = system.vital.live(user).map(({ vitalUserId }) => vitalUserId);
    if (newest(events, user)?.type === "user.deleted") {
      expect({ state: mapping?.state, alive }).toEqual({ state: "deleted", alive: [] });
      expect(await responses[index]).toMatchObject({ code: "FORBIDDEN" });
    } else {
      const named = mapping?.state === "active" ? mapping.vitalUserId : mapping?.state;
      expect(alive).toEqual([named]);
      expect(await responses[index]).toMatchObject({ vitalUserId: named });
    }
  }
}

test("every app user ends in the state of the newest event, however steps interleave, fail or arrive late", async () => {
  await fc.assert(
    fc.asyncProperty(stories, (story) => runStory(story, world)),
    { numRuns: 3_000, interruptAfterTimeLimit: 12_000 },
  );
}, 60_000);

test("so does an app user whose mapping has a client user id that no path can carry", async () => {
  await fc.assert(
    fc.asyncProperty(stories, (story) => runStory(story, legacyWorld)),
    { numRuns: 2_000, interruptAfterTimeLimit: 8_000 },
  );
}, 60_000);
