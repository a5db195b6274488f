import { describe, expect, test } from "vitest";
import type { Mapping, MappingState } from "../../../src/core/mapping/mapping.js";
import { transition } from "../../../src/core/mapping/transitions.js";
import type { Trigger } from "../../../src/core/mapping/trigger.js";
import {
  appUserId,
  generation,
  lastEventAt,
  mappingFixture,
  otherVitalUserId,
  states,
  toEvent,
  isOnlyRemembered,
  seenKey,
  toStamp,
  vitalUserId,
} from "../../support/core/mapping-fixtures.js";
import { rules, settleMs, sweepGraceMs } from "../../support/core/core-process.js";

/** Unchanged, written in the same generation, written with the next generation, no mapping, or the new state. */
type Outcome = "same" | "remembered" | "same generation" | "next generation" | "no mapping" | MappingState;
type Column = "none" | MappingState;
type Cells = Partial<Record<Column, Outcome>>;

const at = new Date("2026-11-22T11:00:00.000Z");
const seconds = (count: number) => new Date(lastEventAt.getTime() + count * 1000);
const failure = { code: "X", message: "no" };

const triggers = {
  userCreated: (when: Date): Trigger => ({ type: "user-created", event: toEvent("user.created", when) }),
  seenSignup: { type: "user-created", event: { ...toEvent("user.created", seconds(9)), key: seenKey } },
  seenDeletion: { type: "user-deleted", event: { ...toEvent("user.deleted", seconds(9)), key: seenKey } },
  userDeleted: (when: Date): Trigger => ({ type: "user-deleted", event: toEvent("user.deleted", when) }),
  requested: { type: "requested" },
  provisioned: (of: number): Trigger => ({
    type: "provisioned",
    vitalUserId: otherVitalUserId,
    generation: of,
  }),
  provisioningFailed: (of: number): Trigger => ({ type: "provisioning-failed", ...failure, generation: of }),
  postponed: (of: number): Trigger => ({
    type: "postponed",
    ...failure,
    generation: of,
    nextSweepAt: seconds(9),
  }),
  vitalUserMissing: { type: "vital-user-missing", vitalUserId },
  otherVitalUserMissing: { type: "vital-user-missing", vitalUserId: otherVitalUserId },
  vitalUserFound: (of: number): Trigger => ({
    type: "vital-user-found",
    vitalUserId: otherVitalUserId,
    generation: of,
  }),
  vitalUserDeleted: (of: number): Trigger => ({ type: "vital-user-deleted", vitalUserId, generation: of }),
  vitalUserNotFound: (of: number, askedAt = at): Trigger => ({
    type: "vital-user-not-found",
    askedAt,
    generation: of,
  }),
  retried: { type: "retried" },
} as const;

const stale = generation - 1;
const never: Cells = { none: "no mapping" };
/** A late event is only remembered. */
const late = (none: Outcome): Cells => ({
  none,
  ...Object.fromEntries(states.map((state) => [state, "remembered"] as const)),
});
const newSignup: Cells = {
  none: "pending",
  pending: "same generation",
  active: "same generation",
  failed: "pending",
  deleting: "same generation",
  deleted: "pending",
};
const newDeletion: Cells = {
  none: "deleting",
  pending: "deleting",
  active: "deleting",
  failed: "deleting",
  deleting: "same generation",
  deleted: "same generation",
};

/** Every trigger in every state. Mappings in other states do not change. `changes` apply to the fixture. */
const cases: [name: string, trigger: Trigger, cells: Cells, changes?: Partial<Mapping>][] = [
  ["a newer signup", triggers.userCreated(seconds(1)), newSignup],
  ["a signup that arrived before", triggers.seenSignup, { none: "pending" }],
  ["a deletion that arrived before", triggers.seenDeletion, { none: "deleting" }],
  ["an older signup", triggers.userCreated(seconds(-1)), late("pending")],
  [
    "another signup at the same time",
    triggers.userCreated(lastEventAt),
    late("pending"),
    { lastEvent: toStamp("user.created") },
  ],
  [
    "a signup at the same time as a deletion",
    triggers.userCreated(lastEventAt),
    late("pending"),
    { lastEvent: toStamp("user.deleted") },
  ],
  ["the first event, a signup", triggers.userCreated(seconds(-9)), newSignup, { lastEvent: null }],
  ["a newer deletion", triggers.userDeleted(seconds(1)), newDeletion],
  ["an older deletion", triggers.userDeleted(seconds(-1)), late("deleting")],
  [
    "another deletion at the same time",
    triggers.userDeleted(lastEventAt),
    late("deleting"),
    { lastEvent: toStamp("user.deleted") },
  ],
  [
    "a deletion at the same time as a signup",
    triggers.userDeleted(lastEventAt),
    newDeletion,
    { lastEvent: toStamp("user.created") },
  ],
  ["the first event, a deletion", triggers.userDeleted(seconds(-9)), newDeletion, { lastEvent: null }],
  ["a viewer's request", triggers.requested, { none: "pending" }],
  [
    "a create",
    triggers.provisioned(generation),
    { ...never, pending: "active", deleting: "next generation", deleted: "deleting" },
  ],
  [
    "a create of another generation",
    triggers.provisioned(stale),
    { ...never, deleting: "next generation", deleted: "deleting" },
  ],
  [
    "a create of a future generation",
    triggers.provisioned(generation + 1),
    { ...never, deleting: "next generation", deleted: "deleting" },
  ],
  ["a final failure", triggers.provisioningFailed(generation), { ...never, pending: "failed" }],
  ["a final failure of another generation", triggers.provisioningFailed(stale), never],
  [
    "a failed attempt",
    triggers.postponed(generation),
    { ...never, pending: "same generation", deleting: "same generation" },
  ],
  ["a failed attempt of another generation", triggers.postponed(stale), never],
  ["the mapping's Vital user is missing", triggers.vitalUserMissing, { ...never, active: "pending" }],
  ["another Vital user is missing", triggers.otherVitalUserMissing, never],
  ["a Vital user found", triggers.vitalUserFound(generation), { ...never, deleting: "next generation" }],
  ["a Vital user found for another generation", triggers.vitalUserFound(stale), never],
  ["a Vital user deleted", triggers.vitalUserDeleted(generation), { ...never, deleting: "next generation" }],
  ["a Vital user deleted for another generation", triggers.vitalUserDeleted(stale), never],
  ["no Vital user found", triggers.vitalUserNotFound(generation), { ...never, deleting: "deleted" }],
  ["no Vital user found for another generation", triggers.vitalUserNotFound(stale), never],
  [
    "no Vital user found, but before the settling time has passed",
    triggers.vitalUserNotFound(generation, seconds(11)),
    { ...never, deleting: "same generation" },
  ],
  [
    "no Vital user found, and the app user has signed up again",
    triggers.vitalUserNotFound(generation, seconds(11)),
    { ...never, deleting: "pending" },
    { lastEvent: toStamp("user.created") },
  ],
  ["an operator's retry", triggers.retried, { ...never, failed: "pending" }],
];

function toOutcome(before: Mapping | null, next: Mapping | null): Outcome {
  if (next === null) return "no mapping";
  if (next === before) return "same";
  if (next.state !== before?.state) return next.state;
  if (isOnlyRemembered(before, next)) return "remembered";
  return next.generation === before.generation ? "same generation" : "next generation";
}

const apply = (mapping: Mapping | null, trigger: Trigger) =>
  transition(appUserId, mapping, trigger, at, rules);

describe.each(cases)("%s", (_name, trigger, cells, changes) => {
  test.each(["none", ...states] as const)("on %s", (column) => {
    const before = column === "none" ? null : mappingFixture(column, changes as Partial<never>);
    const next = apply(before, trigger);
    expect(toOutcome(before, next)).toBe(cells[column] ?? "same");
    if (next === null || next === before || isOnlyRemembered(before, next)) return;
    const isNewGeneration = cells[column] !== "same generation";
    expect(next).toMatchObject({
      appUserId,
      clientUserId: appUserId,
      ...rules.deployment,
      generation: before === null ? 1 : generation + (isNewGeneration ? 1 : 0),
      revision: before?.revision ?? 1,
      updatedAt: at,
    });
  });
});

describe("the fields of the mapping", () => {
  const graceEnd = new Date(at.getTime() + sweepGraceMs);

  test("a signup creates a pending mapping that is due after the time for its job", () => {
    expect(apply(null, triggers.userCreated(seconds(1)))).toEqual({
      ...rules.deployment,
      appUserId,
      clientUserId: appUserId,
      state: "pending",
      generation: 1,
      revision: 1,
      requestedAt: at,
      updatedAt: at,
      attempts: 0,
      lastError: null,
      lastEvent: toStamp("user.created", seconds(1)),
      eventKeys: [toEvent("user.created", seconds(1)).key],
      nextSweepAt: graceEnd,
      sweeps: 0,
    });
  });

  test("a viewer's request stores no event, so any event outranks it", () => {
    expect(apply(null, triggers.requested)).toMatchObject({ state: "pending", lastEvent: null });
  });

  test("a deletion without a mapping looks for a Vital user before it leaves a tombstone", () => {
    expect(apply(null, triggers.userDeleted(seconds(1)))).toMatchObject({
      state: "deleting",
      vitalUserIdsToDelete: [],
      deletingAt: at,
      nextSweepAt: graceEnd,
      lastEvent: toStamp("user.deleted", seconds(1)),
    });
  });

  test("the mapping keeps the newest event, whether it changes the state or not", () => {
    for (const state of states) {
      const signup = toStamp("user.created", seconds(1));
      expect(apply(mappingFixture(state), triggers.userCreated(seconds(1)))).toMatchObject({
        lastEvent: signup,
      });
      const deletion = toStamp("user.deleted", seconds(1));
      expect(apply(mappingFixture(state), triggers.userDeleted(seconds(1)))).toMatchObject({
        lastEvent: deletion,
      });
    }
  });

  test("activation keeps the attempts and clears the error", () => {
    const next = apply(mappingFixture("pending"), triggers.provisioned(generation));
    expect(next).toMatchObject({
      vitalUserId: otherVitalUserId,
      activatedAt: at,
      attempts: 2,
      lastError: null,
    });
    expect(next).not.toHaveProperty("nextSweepAt");
  });

  test("a final failure stores the reason", () => {
    expect(apply(mappingFixture("pending"), triggers.provisioningFailed(generation))).toMatchObject({
      attempts: 3,
      lastError: { ...failure, at },
    });
  });

  test("a failed attempt is counted and sets the time of the next sweep", () => {
    for (const state of ["pending", "deleting"] as const) {
      expect(apply(mappingFixture(state), triggers.postponed(generation))).toMatchObject({
        attempts: 3,
        lastError: { ...failure, at },
        nextSweepAt: seconds(9),
        sweeps: 0,
      });
    }
  });

  test("every mapping that becomes pending again starts from the beginning, without a Vital user", () => {
    const signedUpAgain = mappingFixture("deleting", { lastEvent: toStamp("user.created") });
    // No job is added for an operator's retry, so the mapping is due without a grace period.
    const retried = apply(mappingFixture("failed"), triggers.retried);
    expect(retried).toHaveProperty("nextSweepAt", at);
    const again = [
      { ...retried, nextSweepAt: graceEnd },
      apply(mappingFixture("active"), triggers.vitalUserMissing),
      apply(mappingFixture("deleted"), triggers.userCreated(seconds(1))),
      apply(signedUpAgain, triggers.vitalUserNotFound(generation)),
    ];
    for (const next of again) {
      expect(next).toMatchObject({ state: "pending", requestedAt: at, attempts: 0, nextSweepAt: graceEnd });
      expect(next).toMatchObject({ lastError: null, sweeps: 0 });
      expect(next).not.toHaveProperty("vitalUserId");
      expect(next).not.toHaveProperty("vitalUserIdsToDelete");
    }
  });

  test("deleting an active mapping lists the Vital user that it names, and no other", () => {
    expect(apply(mappingFixture("active"), triggers.userDeleted(seconds(1)))).toMatchObject({
      vitalUserIdsToDelete: [vitalUserId],
    });
    expect(apply(mappingFixture("pending"), triggers.userDeleted(seconds(1)))).toMatchObject({
      vitalUserIdsToDelete: [],
    });
    expect(apply(mappingFixture("failed"), triggers.userDeleted(seconds(1)))).toMatchObject({
      vitalUserIdsToDelete: [],
    });
  });

  test("one more Vital user to delete starts the settling time again", () => {
    const mapping = mappingFixture("deleting", { vitalUserIdsToDelete: [vitalUserId] });
    for (const trigger of [triggers.provisioned(stale), triggers.vitalUserFound(generation)]) {
      expect(apply(mapping, trigger)).toMatchObject({
        vitalUserIdsToDelete: [vitalUserId, otherVitalUserId],
        deletingAt: at,
        attempts: 0,
      });
    }
    const late = apply(mappingFixture("deleted"), triggers.provisioned(stale));
    expect(late).toMatchObject({ vitalUserIdsToDelete: [otherVitalUserId], deletingAt: at });
  });

  test("a Vital user that is listed already is not listed again", () => {
    const mapping = mappingFixture("deleting", { vitalUserIdsToDelete: [otherVitalUserId] });
    expect(apply(mapping, triggers.provisioned(stale))).toBe(mapping);
    expect(apply(mapping, triggers.vitalUserFound(generation))).toBe(mapping);
  });

  test("a deleted Vital user leaves the list; the others stay, and the settling time continues", () => {
    const mapping = mappingFixture("deleting", { vitalUserIdsToDelete: [otherVitalUserId, vitalUserId] });
    const next = apply(mapping, triggers.vitalUserDeleted(generation));
    expect(next).toMatchObject({ vitalUserIdsToDelete: [otherVitalUserId], deletingAt: mapping.deletingAt });
  });

  test("a mapping with Vital users to delete stays deleting, whatever a lookup finds", () => {
    for (const type of ["user.created", "user.deleted"] as const) {
      const mapping = mappingFixture("deleting", {
        vitalUserIdsToDelete: [vitalUserId],
        lastEvent: toStamp(type),
      });
      expect(apply(mapping, triggers.vitalUserNotFound(generation))).toBe(mapping);
    }
  });

  test("a deletion is final exactly when the lookup was sent after the settling time", () => {
    const mapping = mappingFixture("deleting");
    const settledAt = new Date(mapping.deletingAt.getTime() + settleMs);
    const justBefore = new Date(settledAt.getTime() - 1);
    expect(apply(mapping, triggers.vitalUserNotFound(generation, justBefore))).toMatchObject({
      state: "deleting",
      nextSweepAt: settledAt,
      sweeps: 0,
    });
    expect(apply(mapping, triggers.vitalUserNotFound(generation, settledAt))).toMatchObject({
      state: "deleted",
      deletedAt: at,
    });
  });
});
