import { expect, test } from "vitest";
import { parseOutage } from "./outage.js";
import { checkOutage, type OutageFacts, type TimedVisit } from "./outage-verdict.js";

const downAt = 1_000_000;
const upAt = downAt + 300_000;
const issued: TimedVisit = {
  outcome: "issued",
  isTyped: true,
  retryAfterMs: null,
  tookMs: 20,
  answeredAt: downAt + 50_000,
};
const typedError: TimedVisit = { ...issued, outcome: "VITAL_UNAVAILABLE", retryAfterMs: 2_000 };
const signup = (ackMs: number, activeMs: number | null) => ({
  acknowledgedAt: downAt + ackMs,
  activatedAt: activeMs === null ? null : downAt + activeMs,
});

const redisDown: OutageFacts = {
  outage: { service: "redis", seconds: 300, manner: "refusing" },
  downAt,
  upAt,
  signups: [signup(10_000, 22_000), signup(280_000, 305_000)],
  refusals: 0,
  responses: [issued],
  visitors: 1,
  activatedAt: [downAt + 22_000, downAt + 305_000],
  isSettled: true,
};
const vitalDown: OutageFacts = {
  ...redisDown,
  outage: { service: "vital", seconds: 300, manner: "silent" },
  signups: [signup(10_000, 303_500)],
  responses: [typedError],
  activatedAt: [downAt + 303_500],
};

/** What was not zero. */
const failuresOf = (facts: OutageFacts) =>
  Object.entries(checkOutage(facts).counts)
    .filter(([, count]) => count !== 0)
    .map(([name]) => name);
const valueOf = (facts: OutageFacts, name: string) =>
  checkOutage(facts).rows.find(([row]) => row.trim() === name)?.[1];

test("with Redis down signups become active: how many, and the slowest, is told", () => {
  expect(failuresOf(redisDown)).toEqual([]);
  expect(valueOf(redisDown, "signups active meanwhile")).toBe(1);
  expect(valueOf(redisDown, "the slowest of them, seconds")).toBe(12);
});

test("with Redis down a signup that waits for its return fails the run", () => {
  const name = "signups not active within 30 s, with Redis down";
  const waits = { ...redisDown, signups: [signup(10_000, 22_000), signup(20_000, 301_000)] };
  expect(failuresOf(waits)).toEqual([name]);
  const none = { ...redisDown, signups: [signup(10_000, null)], activatedAt: [null] };
  expect(failuresOf(none)).toContain("no signup active with Redis down");
  expect(failuresOf({ ...redisDown, signups: [] })).toEqual(["no signup active with Redis down"]);
});

test("with Redis down a viewer without a token fails the run, afterwards a typed error does not", () => {
  expect(failuresOf({ ...redisDown, responses: [issued, typedError] })).toEqual([
    "viewers without a token, with Redis down",
  ]);
  expect(failuresOf({ ...redisDown, responses: [issued, { ...typedError, answeredAt: upAt + 1 }] })).toEqual(
    [],
  );
});

test("with Vital down every viewer gets a typed answer in time, and everything is active soon after", () => {
  expect(failuresOf(vitalDown)).toEqual([]);
  expect(valueOf(vitalDown, "seconds from its return until everything was active")).toBe(3.5);
  expect(valueOf(vitalDown, "slowest answer to a viewer, ms")).toBe(20);
});

test("an answer without a type, or past the deadline, or none at all fails the run", () => {
  const withResponse = (visit: Partial<TimedVisit>) => ({
    ...vitalDown,
    responses: [typedError, { ...typedError, ...visit }],
  });
  expect(failuresOf(withResponse({ isTyped: false, outcome: "broken off" }))).toEqual([
    "answers without a type",
  ]);
  expect(failuresOf(withResponse({ tookMs: 10_300 }))).toEqual(["answers later than 10000 ms"]);
  expect(failuresOf({ ...vitalDown, responses: [] })).toEqual(["viewers not answered at all"]);
});

test("what is not active a minute after the return fails the run, whenever it becomes so", () => {
  const name = "not active 60 s after its return";
  expect(failuresOf({ ...vitalDown, activatedAt: [upAt + 60_100] })).toEqual([name]);
  expect(failuresOf({ ...vitalDown, activatedAt: [null] })).toEqual([name]);
  expect(failuresOf({ ...vitalDown, isSettled: false })).toEqual([name]);
});

test("an event that is acknowledged only after the return fails the run, unless the store was away", () => {
  const late = { ...vitalDown, signups: [signup(300_500, 303_500)] };
  expect(failuresOf(late)).toEqual(["signups not acknowledged"]);
  expect(failuresOf({ ...late, outage: { ...late.outage, service: "mongo" } })).toEqual([]);
});

test("an outage is a service and its seconds, and perhaps its manner", () => {
  expect(parseOutage("redis=300")).toEqual({ service: "redis", seconds: 300, manner: "refusing" });
  expect(parseOutage("vital=40,silent")).toEqual({ service: "vital", seconds: 40, manner: "silent" });
  for (const text of [
    "redis",
    "redis=",
    "redis=39",
    "redis=3601",
    "kafka=300",
    "vital=60,slow",
    "vital=1e3",
  ]) {
    expect(parseOutage(text)).toBeNull();
  }
});
