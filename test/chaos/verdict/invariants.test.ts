import { expect, test } from "vitest";
import type { PlannedEvent } from "../load/load-plan.js";
import { findViolations, type Evidence, type StoredMapping } from "./invariants.js";

const created: PlannedEvent = {
  id: "e1",
  type: "user.created",
  appUserId: "u1",
  occurredAt: new Date(1_000),
};
const deleted: PlannedEvent = { ...created, id: "e2", type: "user.deleted", occurredAt: new Date(2_000) };

const live = (vitalUserId: string, clientUserId = "u1") => ({
  vitalUserId,
  clientUserId,
  createdAt: "2026-01-01T00:00:00Z",
  deletedAt: null,
});
const dead = (vitalUserId: string) => ({ ...live(vitalUserId), deletedAt: "2026-01-02T00:00:00Z" });
const active = (vitalUserId: string): StoredMapping => ({
  _id: "u1",
  clientUserId: "u1",
  state: "active",
  vitalUserId,
});
const inState = (state: string): StoredMapping => ({ _id: "u1", clientUserId: "u1", state });
const token = (vitalUserId: string, appUserId = "u1") => ({
  appUserId,
  vitalUserId,
  isConsistent: true,
  requestedAt: 5_000,
});

/** Checks one app user who signed up and has a Vital user, with the changes of a test. */
function violationsOf(changes: Partial<Evidence>): string[] {
  const evidence: Evidence = {
    users: new Map([["u1", [created]]]),
    acknowledged: new Map([
      ["e1", 4_000],
      ["e2", 6_000],
    ]),
    requestedBy: new Set(),
    tokens: [token("v1")],
    mappings: [active("v1")],
    ledger: [live("v1")],
    deletedAtVital: new Set(),
    ...changes,
  };
  return findViolations(evidence).map(({ kind }) => kind);
}
const wasDeleted = { users: new Map([["u1", [created, deleted]]]), tokens: [] };

test("correct evidence has no violations", () => {
  expect(violationsOf({})).toEqual([]);
  expect(violationsOf({ ...wasDeleted, mappings: [inState("deleted")], ledger: [dead("v1")] })).toEqual([]);
});

test("an acknowledged signup without a mapping, or with a tombstone, is lost", () => {
  expect(violationsOf({ mappings: [], ledger: [], tokens: [] })).toEqual(["lost events"]);
  expect(violationsOf({ mappings: [inState("deleted")], ledger: [dead("v1")] })).toEqual(["lost events"]);
});

test("an event that was not acknowledged is not lost", () => {
  expect(violationsOf({ acknowledged: new Map(), mappings: [], ledger: [], tokens: [] })).toEqual([]);
});

test("an active mapping whose Vital user is deleted counts as lost", () => {
  expect(violationsOf({ ledger: [dead("v1")] })).toEqual(["lost events"]);
});

test("a second live Vital user is a duplicate, and so is a second one without a deletion in between", () => {
  expect(violationsOf({ ...wasDeleted, ledger: [live("v1"), live("v2")] })).toEqual([
    "duplicate Vital users",
  ]);
  expect(violationsOf({ ledger: [dead("v0"), live("v1")] })).toEqual(["duplicate Vital users"]);
  expect(violationsOf({ ledger: [dead("v0"), live("v1")], deletedAtVital: new Set(["v0"]) })).toEqual([]);
});

test("each deletion at Vital allows exactly one more Vital user", () => {
  const ledger = [dead("v0"), dead("v1"), live("v2")];
  const change = { ledger, mappings: [active("v2")], tokens: [token("v2")] };
  expect(violationsOf({ ...change, deletedAtVital: new Set(["v0", "v1"]) })).toEqual([]);
  expect(violationsOf({ ...change, deletedAtVital: new Set(["v0"]) })).toEqual(["duplicate Vital users"]);
});

test("a mapping that names another Vital user than the live one, or another client user id, is wrong", () => {
  expect(violationsOf({ mappings: [active("v2")] })).toEqual(["wrong mappings"]);
  expect(violationsOf({ mappings: [{ ...active("v1"), clientUserId: "u2" }] })).toEqual(["wrong mappings"]);
});

test("two mappings that name the same Vital user are wrong", () => {
  const users = new Map([
    ["u1", [created]],
    ["u2", []],
  ]);
  const second = { _id: "u2", clientUserId: "u2", state: "active", vitalUserId: "v1" };
  expect(violationsOf({ users, requestedBy: new Set(["u2"]), mappings: [active("v1"), second] })).toContain(
    "wrong mappings",
  );
});

test("a Vital user without a mapping is wrong even if no event was acknowledged", () => {
  const change = { acknowledged: new Map<string, number>(), mappings: [], tokens: [] };
  expect(violationsOf(change)).toEqual(["wrong mappings"]);
});

test("a token that was requested after the deletion was acknowledged is wrong", () => {
  const gone = { ...wasDeleted, mappings: [inState("deleted")], ledger: [dead("v1")] };
  expect(violationsOf({ ...gone, tokens: [token("v1")] })).toEqual([]);
  expect(violationsOf({ ...gone, tokens: [{ ...token("v1"), requestedAt: 6_001 }] })).toEqual([
    "wrong tokens",
  ]);
  const signedUpAgain = { ...created, id: "e3", occurredAt: new Date(3_000) };
  expect(
    violationsOf({
      users: new Map([["u1", [created, deleted, signedUpAgain]]]),
      tokens: [{ ...token("v1"), requestedAt: 6_001 }],
    }),
  ).toEqual([]);
});

test("a token for another app user's Vital user is wrong", () => {
  const users = new Map([
    ["u1", [created]],
    ["u2", []],
  ]);
  expect(violationsOf({ users, ledger: [live("v1"), live("v2", "u2")], tokens: [token("v2")] })).toContain(
    "wrong tokens",
  );
  expect(violationsOf({ tokens: [{ ...token("v1"), isConsistent: false }] })).toEqual(["wrong tokens"]);
});

test("a Vital user that still exists after its app user was deleted counts as undeleted", () => {
  expect(violationsOf({ ...wasDeleted })).toEqual(["undeleted Vital users"]);
  expect(violationsOf({ ...wasDeleted, mappings: [inState("deleted")] })).toEqual(["undeleted Vital users"]);
});

test("a mapping that is not in a final state counts as stuck", () => {
  for (const state of ["pending", "deleting", "failed"]) {
    expect(violationsOf({ mappings: [inState(state)] })).toEqual(["stuck mappings"]);
  }
});

test("a Vital user for an unknown app user is wrong", () => {
  expect(violationsOf({ ledger: [live("v1"), live("v2", "u9")] })).toEqual(["wrong mappings"]);
});
