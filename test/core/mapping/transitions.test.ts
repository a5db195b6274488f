import { describe, expect, test } from "vitest";
import type { Mapping, MappingState } from "../../../src/core/mapping/mapping.js";
import { transition, type Trigger } from "../../../src/core/mapping/transitions.js";
import {
  appUserId,
  generation,
  lastEventAt,
  mappingFixture,
  otherVitalUserId,
  states,
  toEvent,
  vitalUserId,
} from "../../support/core/mapping-fixtures.js";
import { rules, settleMs, sweepGraceMs } from "../../support/core/core-process.js";

/** What becomes of a row: unchanged · written in place · written with the next generation · another state · no row. */
type Outcome = "same" | "in place" | "again" | "no row" | MappingState;
type Column = "none" | MappingState;
type Cells = Partial<Record<Column, Outcome>>;

const at = new Date("2026-11-22T11:00:00.000Z");
const seconds = (count: number) => new Date(lastEventAt.getTime() + count * 1000);
const failure = { code: "X", message: "no" };

const happenings = {
  signedUp: (when: Date): Trigger => ({ type: "user-created", event: toEvent("user.created", when) }),
  removed: (when: Date): Trigger => ({ type: "user-deleted", event: toEvent("user.deleted", when) }),
  requested: { type: "requested" },
  provisioned: (of: number): Trigger => ({
    type: "provisioned",
    vitalUserId: otherVitalUserId,
    generation: of,
  }),
  refused: (of: number): Trigger => ({ type: "provisioning-failed", ...failure, generation: of }),
  postponed: (of: number): Trigger => ({
    type: "postponed",
    ...failure,
    generation: of,
    nextSweepAt: seconds(9),
  }),
  vanished: { type: "vital-user-missing", vitalUserId },
  vanishedOther: { type: "vital-user-missing", vitalUserId: otherVitalUserId },
  discovered: (of: number): Trigger => ({
    type: "vital-user-found",
    vitalUserId: otherVitalUserId,
    generation: of,
  }),
  erased: (of: number): Trigger => ({ type: "vital-user-deleted", vitalUserId, generation: of }),
  absent: (of: number, askedAt = at): Trigger => ({ type: "vital-user-not-found", askedAt, generation: of }),
  retried: { type: "retried" },
} as const;
const h = happenings;
const stale = generation - 1;
const never: Cells = { none: "no row" };
const newSignup: Cells = {
  none: "pending",
  pending: "in place",
  active: "in place",
  failed: "pending",
  deleting: "in place",
  deleted: "pending",
};
const newRemoval: Cells = {
  none: "deleting",
  pending: "deleting",
  active: "deleting",
  failed: "deleting",
  deleting: "in place",
  deleted: "in place",
};

/** Every happening on every state. A column that is not named stays the same. `row` changes the row before. */
const cases: [name: string, happening: Trigger, cells: Cells, row?: Partial<Mapping>][] = [
  ["a newer signup", h.signedUp(seconds(1)), newSignup],
  ["an older signup", h.signedUp(seconds(-1)), { none: "pending" }],
  ["a signup repeated", h.signedUp(lastEventAt), { none: "pending" }, { lastEvent: toEvent("user.created") }],
  [
    "a signup at the instant of a deletion",
    h.signedUp(lastEventAt),
    { none: "pending" },
    { lastEvent: toEvent("user.deleted") },
  ],
  ["the first event, a signup", h.signedUp(seconds(-9)), newSignup, { lastEvent: null }],
  ["a newer deletion", h.removed(seconds(1)), newRemoval],
  ["an older deletion", h.removed(seconds(-1)), { none: "deleting" }],
  [
    "a deletion repeated",
    h.removed(lastEventAt),
    { none: "deleting" },
    { lastEvent: toEvent("user.deleted") },
  ],
  [
    "a deletion at the instant of a signup",
    h.removed(lastEventAt),
    newRemoval,
    { lastEvent: toEvent("user.created") },
  ],
  ["the first event, a deletion", h.removed(seconds(-9)), newRemoval, { lastEvent: null }],
  ["a viewer's request", h.requested, { none: "pending" }],
  [
    "a create",
    h.provisioned(generation),
    { ...never, pending: "active", deleting: "again", deleted: "deleting" },
  ],
  [
    "a create of another generation",
    h.provisioned(stale),
    { ...never, deleting: "again", deleted: "deleting" },
  ],
  [
    "a create from the future",
    h.provisioned(generation + 1),
    { ...never, deleting: "again", deleted: "deleting" },
  ],
  ["a refusal", h.refused(generation), { ...never, pending: "failed" }],
  ["a refusal of another generation", h.refused(stale), never],
  ["a failed attempt", h.postponed(generation), { ...never, pending: "in place", deleting: "in place" }],
  ["a failed attempt of another generation", h.postponed(stale), never],
  ["the Vital user gone", h.vanished, { ...never, active: "pending" }],
  ["another Vital user gone", h.vanishedOther, never],
  ["a user found", h.discovered(generation), { ...never, deleting: "again" }],
  ["a user found for another generation", h.discovered(stale), never],
  ["a user erased", h.erased(generation), { ...never, deleting: "again" }],
  ["a user erased for another generation", h.erased(stale), never],
  ["nobody there", h.absent(generation), { ...never, deleting: "deleted" }],
  ["nobody there for another generation", h.absent(stale), never],
  [
    "nobody there, too early to be sure",
    h.absent(generation, seconds(11)),
    { ...never, deleting: "in place" },
  ],
  [
    "nobody there, signed up again",
    h.absent(generation, seconds(11)),
    { ...never, deleting: "pending" },
    { lastEvent: toEvent("user.created") },
  ],
  ["an operator's retry", h.retried, { ...never, failed: "pending" }],
];

function toOutcome(before: Mapping | null, next: Mapping | null): Outcome {
  if (next === null) return "no row";
  if (next === before) return "same";
  if (next.state !== before?.state) return next.state;
  return next.generation === before.generation ? "in place" : "again";
}

const apply = (row: Mapping | null, happening: Trigger) => transition(appUserId, row, happening, at, rules);

describe.each(cases)("%s", (_name, happening, cells, changes) => {
  test.each(["none", ...states] as const)("on %s", (column) => {
    const before = column === "none" ? null : mappingFixture(column, changes as Partial<never>);
    const next = apply(before, happening);
    expect(toOutcome(before, next)).toBe(cells[column] ?? "same");
    if (next === null || next === before) return;
    const isNewGeneration = cells[column] !== "in place";
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

describe("what a row takes along", () => {
  const graceEnd = new Date(at.getTime() + sweepGraceMs);

  test("a signup makes a pending row that is due when its job has had its time", () => {
    expect(apply(null, h.signedUp(seconds(1)))).toEqual({
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
      lastEvent: toEvent("user.created", seconds(1)),
      nextSweepAt: graceEnd,
      sweeps: 0,
    });
  });

  test("a viewer's request leaves no event: any event outranks it", () => {
    expect(apply(null, h.requested)).toMatchObject({ state: "pending", lastEvent: null });
  });

  test("a deletion without a row looks for a Vital user before it leaves its tombstone", () => {
    expect(apply(null, h.removed(seconds(1)))).toMatchObject({
      state: "deleting",
      vitalUserIdsToDelete: [],
      deletingAt: at,
      nextSweepAt: graceEnd,
      lastEvent: toEvent("user.deleted", seconds(1)),
    });
  });

  test("the newest event stands in the row, whether it changes the state or not", () => {
    for (const state of states) {
      const signup = toEvent("user.created", seconds(1));
      expect(apply(mappingFixture(state), h.signedUp(seconds(1)))).toMatchObject({ lastEvent: signup });
      const removal = toEvent("user.deleted", seconds(1));
      expect(apply(mappingFixture(state), h.removed(seconds(1)))).toMatchObject({ lastEvent: removal });
    }
  });

  test("activation keeps the attempts and forgets the error", () => {
    const next = apply(mappingFixture("pending"), h.provisioned(generation));
    expect(next).toMatchObject({
      vitalUserId: otherVitalUserId,
      activatedAt: at,
      attempts: 2,
      lastError: null,
    });
    expect(next).not.toHaveProperty("nextSweepAt");
  });

  test("a refusal says why", () => {
    expect(apply(mappingFixture("pending"), h.refused(generation))).toMatchObject({
      attempts: 3,
      lastError: { ...failure, at },
    });
  });

  test("a failed attempt counts, and says when to come again", () => {
    for (const state of ["pending", "deleting"] as const) {
      expect(apply(mappingFixture(state), h.postponed(generation))).toMatchObject({
        attempts: 3,
        lastError: { ...failure, at },
        nextSweepAt: seconds(9),
        sweeps: 0,
      });
    }
  });

  test("whatever becomes pending again begins anew and forgets its Vital user", () => {
    const signedUpAgain = mappingFixture("deleting", { lastEvent: toEvent("user.created") });
    // No job is added for an operator's retry, so it waits for no grace period.
    const retried = apply(mappingFixture("failed"), h.retried);
    expect(retried).toHaveProperty("nextSweepAt", at);
    const again = [
      { ...retried, nextSweepAt: graceEnd },
      apply(mappingFixture("active"), h.vanished),
      apply(mappingFixture("deleted"), h.signedUp(seconds(1))),
      apply(signedUpAgain, h.absent(generation)),
    ];
    for (const next of again) {
      expect(next).toMatchObject({ state: "pending", requestedAt: at, attempts: 0, nextSweepAt: graceEnd });
      expect(next).toMatchObject({ lastError: null, sweeps: 0 });
      expect(next).not.toHaveProperty("vitalUserId");
      expect(next).not.toHaveProperty("vitalUserIdsToDelete");
    }
  });

  test("deleting an active mapping dooms the user that it names, and nobody else", () => {
    expect(apply(mappingFixture("active"), h.removed(seconds(1)))).toMatchObject({
      vitalUserIdsToDelete: [vitalUserId],
    });
    expect(apply(mappingFixture("pending"), h.removed(seconds(1)))).toMatchObject({
      vitalUserIdsToDelete: [],
    });
    expect(apply(mappingFixture("failed"), h.removed(seconds(1)))).toMatchObject({
      vitalUserIdsToDelete: [],
    });
  });

  test("one more doomed user starts the clock of the deletion anew", () => {
    const row = mappingFixture("deleting", { vitalUserIdsToDelete: [vitalUserId] });
    for (const happening of [h.provisioned(stale), h.discovered(generation)]) {
      expect(apply(row, happening)).toMatchObject({
        vitalUserIdsToDelete: [vitalUserId, otherVitalUserId],
        deletingAt: at,
        attempts: 0,
      });
    }
    const late = apply(mappingFixture("deleted"), h.provisioned(stale));
    expect(late).toMatchObject({ vitalUserIdsToDelete: [otherVitalUserId], deletingAt: at });
  });

  test("a user that is doomed already is not doomed again", () => {
    const row = mappingFixture("deleting", { vitalUserIdsToDelete: [otherVitalUserId] });
    expect(apply(row, h.provisioned(stale))).toBe(row);
    expect(apply(row, h.discovered(generation))).toBe(row);
  });

  test("an erased user is doomed no more; the others are, and the clock runs on", () => {
    const row = mappingFixture("deleting", { vitalUserIdsToDelete: [otherVitalUserId, vitalUserId] });
    const next = apply(row, h.erased(generation));
    expect(next).toMatchObject({ vitalUserIdsToDelete: [otherVitalUserId], deletingAt: row.deletingAt });
  });

  test("a row with doomed users is not finished, whatever a look says", () => {
    for (const type of ["user.created", "user.deleted"] as const) {
      const row = mappingFixture("deleting", {
        vitalUserIdsToDelete: [vitalUserId],
        lastEvent: toEvent(type),
      });
      expect(apply(row, h.absent(generation))).toBe(row);
    }
  });

  test("a deletion is final exactly when the look came after the settling time", () => {
    const row = mappingFixture("deleting");
    const settledAt = new Date(row.deletingAt.getTime() + settleMs);
    const justBefore = new Date(settledAt.getTime() - 1);
    expect(apply(row, h.absent(generation, justBefore))).toMatchObject({
      state: "deleting",
      nextSweepAt: settledAt,
      sweeps: 0,
    });
    expect(apply(row, h.absent(generation, settledAt))).toMatchObject({ state: "deleted", deletedAt: at });
  });
});
