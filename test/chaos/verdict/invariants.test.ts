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
  askedAt: 5_000,
});

/** One app user who signed up and has a Vital user, but for what a test changes. */
function findingsOf(changes: Partial<Evidence>): string[] {
  const evidence: Evidence = {
    users: new Map([["u1", [created]]]),
    acknowledged: new Map([
      ["e1", 4_000],
      ["e2", 6_000],
    ]),
    asked: new Set(),
    tokens: [token("v1")],
    mappings: [active("v1")],
    ledger: [live("v1")],
    deletedAtVital: new Set(),
    ...changes,
  };
  return findViolations(evidence).map(({ kind }) => kind);
}
const wasDeleted = { users: new Map([["u1", [created, deleted]]]), tokens: [] };

test("what is as it should be gives no finding", () => {
  expect(findingsOf({})).toEqual([]);
  expect(findingsOf({ ...wasDeleted, mappings: [inState("deleted")], ledger: [dead("v1")] })).toEqual([]);
});

test("an acknowledged signup without a mapping, or with a tombstone, is lost", () => {
  expect(findingsOf({ mappings: [], ledger: [], tokens: [] })).toEqual(["lost"]);
  expect(findingsOf({ mappings: [inState("deleted")], ledger: [dead("v1")] })).toEqual(["lost"]);
});

test("an event that nobody acknowledged is not lost", () => {
  expect(findingsOf({ acknowledged: new Map(), mappings: [], ledger: [], tokens: [] })).toEqual([]);
});

test("a mapping whose Vital user is gone is lost", () => {
  expect(findingsOf({ ledger: [dead("v1")] })).toEqual(["lost"]);
});

test("a second live Vital user, or a second one without a deletion in between, is a duplicate", () => {
  expect(findingsOf({ ...wasDeleted, ledger: [live("v1"), live("v2")] })).toEqual(["duplicate users"]);
  expect(findingsOf({ ledger: [dead("v0"), live("v1")] })).toEqual(["duplicate users"]);
  expect(findingsOf({ ledger: [dead("v0"), live("v1")], deletedAtVital: new Set(["v0"]) })).toEqual([]);
});

test("each deletion at Vital makes room for one more Vital user, and no more than one", () => {
  const ledger = [dead("v0"), dead("v1"), live("v2")];
  const change = { ledger, mappings: [active("v2")], tokens: [token("v2")] };
  expect(findingsOf({ ...change, deletedAtVital: new Set(["v0", "v1"]) })).toEqual([]);
  expect(findingsOf({ ...change, deletedAtVital: new Set(["v0"]) })).toEqual(["duplicate users"]);
});

test("a mapping that names another Vital user than the live one, or another client user, is wrong", () => {
  expect(findingsOf({ mappings: [active("v2")] })).toEqual(["wrong mappings"]);
  expect(findingsOf({ mappings: [{ ...active("v1"), clientUserId: "u2" }] })).toEqual(["wrong mappings"]);
});

test("two mappings that name the same Vital user are wrong, though each looks right alone", () => {
  const users = new Map([
    ["u1", [created]],
    ["u2", []],
  ]);
  const second = { _id: "u2", clientUserId: "u2", state: "active", vitalUserId: "v1" };
  expect(findingsOf({ users, asked: new Set(["u2"]), mappings: [active("v1"), second] })).toContain(
    "wrong mappings",
  );
});

test("a Vital user without a mapping is wrong, though nobody was promised one", () => {
  const change = { acknowledged: new Map<string, number>(), mappings: [], tokens: [] };
  expect(findingsOf(change)).toEqual(["wrong mappings"]);
});

test("a token that was asked for after the deletion was acknowledged is wrong", () => {
  const gone = { ...wasDeleted, mappings: [inState("deleted")], ledger: [dead("v1")] };
  expect(findingsOf({ ...gone, tokens: [token("v1")] })).toEqual([]);
  expect(findingsOf({ ...gone, tokens: [{ ...token("v1"), askedAt: 6_001 }] })).toEqual(["wrong tokens"]);
  const signedUpAgain = { ...created, id: "e3", occurredAt: new Date(3_000) };
  expect(
    findingsOf({
      users: new Map([["u1", [created, deleted, signedUpAgain]]]),
      tokens: [{ ...token("v1"), askedAt: 6_001 }],
    }),
  ).toEqual([]);
});

test("a token for another app user's Vital user is wrong", () => {
  const users = new Map([
    ["u1", [created]],
    ["u2", []],
  ]);
  expect(findingsOf({ users, ledger: [live("v1"), live("v2", "u2")], tokens: [token("v2")] })).toContain(
    "wrong tokens",
  );
  expect(findingsOf({ tokens: [{ ...token("v1"), isConsistent: false }] })).toEqual(["wrong tokens"]);
});

test("a Vital user that outlives its app user is undeleted", () => {
  expect(findingsOf({ ...wasDeleted })).toEqual(["undeleted"]);
  expect(findingsOf({ ...wasDeleted, mappings: [inState("deleted")] })).toEqual(["undeleted"]);
});

test("what is not in a final state at rest is stuck", () => {
  for (const state of ["pending", "deleting", "failed"]) {
    expect(findingsOf({ mappings: [inState(state)] })).toEqual(["stuck"]);
  }
});

test("a Vital user of somebody whom nobody announced is wrong", () => {
  expect(findingsOf({ ledger: [live("v1"), live("v2", "u9")] })).toEqual(["wrong mappings"]);
});
