import fc from "fast-check";
import { expect, test } from "vitest";
import type { AppUserId } from "../../src/core/app-user-id.js";
import type { IssuedSignInToken } from "../../src/core/sign-in-tokens.js";
import type { SignupEventType } from "../../src/core/signup-event.js";
import { createCooperativeWorld, type Fate } from "./cooperative-world.js";
import type { FakeUser } from "./fake-vital.js";

const users = ["auth0|ada", "auth0|bob"] as AppUserId[];

type Event = { appUserId: AppUserId; type: SignupEventType; at: number };
type Operation =
  | ({ do: "event" } & Event)
  | { do: "token" | "provision" | "deprovision" | "delete upstream"; appUserId: AppUserId }
  | { do: "sweep" | "kill" }
  | { do: "advance"; ms: number };

const appUserId = fc.constantFrom(...users);
const event = fc.record({
  do: fc.constant("event" as const),
  appUserId,
  type: fc.constantFrom<SignupEventType>("user.created", "user.deleted"),
  at: fc.integer({ min: 1, max: 4 }),
});
const onUser = fc.record({
  do: fc.constantFrom(
    "token" as const,
    "provision" as const,
    "deprovision" as const,
    "delete upstream" as const,
  ),
  appUserId,
});
const advance = fc.record({
  do: fc.constant("advance" as const),
  ms: fc.constantFrom(100, 4_000, 6_000, 12_000, 26_000),
});
const onProcess = fc.record({ do: fc.constantFrom("sweep" as const, "kill" as const) });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: event },
  { weight: 4, arbitrary: onUser },
  { weight: 3, arbitrary: advance },
  { weight: 2, arbitrary: onProcess },
);
const fates = (bad: readonly Fate[], badWeight: number) =>
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant<Fate>("ok") },
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
  /** Which of the things that could happen next does. */
  choices: fc.array(fc.nat(1_000), { maxLength: 250, size: "max" }),
  vital: fates(["fail", "lost", "late"], 2),
  store: fates(["fail", "lost"], 1),
});
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

/** The newest event of a user; of two at one instant, the deletion. */
const newest = (events: readonly Event[], user: AppUserId) =>
  events
    .filter((one) => one.appUserId === user)
    .sort((a, b) => b.at - a.at || (a.type === "user.deleted" ? -1 : 1))[0];

async function live(told: Story): Promise<void> {
  const violations: string[] = [];
  const issued: [AppUserId, IssuedSignInToken][] = [];
  const events: Event[] = [];
  const unacknowledged = new Set<Event>();

  const world = createCooperativeWorld({
    fates: told,
    onDeleted({ vitalUserId, clientUserId }: FakeUser) {
      const row = world.row(clientUserId as AppUserId);
      const isRecorded = row?.state === "deleting" && row.doomed.includes(vitalUserId);
      if (!isRecorded) violations.push(`deleted ${vitalUserId} of a mapping that is ${row?.state}`);
    },
  });
  const processes = [world.start(), world.start(), world.start()];
  let favourite = 0;

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

  async function begin({ what, processIndex }: Story["operations"][number]): Promise<void> {
    const process = processes[processIndex];
    if (process === undefined) return;
    if (what.do === "event") {
      events.push(what);
      publish(what, process);
    } else if (what.do === "token") issue(what.appUserId, process);
    else if (what.do === "provision") process.provisioning.provision(what.appUserId).catch(() => undefined);
    else if (what.do === "deprovision")
      process.deprovisioning.deprovision(what.appUserId).catch(() => undefined);
    else if (what.do === "delete upstream") world.vital.deleteUpstream(what.appUserId);
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
    for (const choice of told.choices) {
      const value = Math.floor(choice / 8);
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
