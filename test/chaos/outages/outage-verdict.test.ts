import { expect, test } from "vitest";
import { parseOutage } from "./outage.js";
import { checkOutage, type OutageFacts, type TimedResult } from "./outage-verdict.js";

const downAt = 1_000_000;
const upAt = downAt + 300_000;
const issued: TimedResult = {
  outcome: "issued",
  isTyped: true,
  retryAfterMs: null,
  tookMs: 20,
  respondedAt: downAt + 50_000,
};
const typedError: TimedResult = { ...issued, outcome: "VITAL_UNAVAILABLE", retryAfterMs: 2_000 };
const signup = (ackMs: number, activeMs: number | null) => ({
  acknowledgedAt: downAt + ackMs,
  activatedAt: activeMs === null ? null : downAt + activeMs,
});

const redisDown: OutageFacts = {
  outage: { service: "redis", seconds: 300, manner: "refusing" },
  downAt,
  upAt,
  signups: [signup(10_000, 22_000), signup(280_000, 305_000)],
  unacknowledgedRequests: 0,
  responses: [issued],
  viewers: 1,
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

/** The names of the counts that are not zero. */
const failuresOf = (facts: OutageFacts) =>
  Object.entries(checkOutage(facts).counts)
    .filter(([, count]) => count !== 0)
    .map(([name]) => name);
const valueOf = (facts: OutageFacts, name: string) =>
  checkOutage(facts).rows.find(([row]) => row.trim() === name)?.[1];

test("with Redis down signups become active, and the report says how many and how fast", () => {
  expect(failuresOf(redisDown)).toEqual([]);
  expect(valueOf(redisDown, "signups active during the outage")).toBe(1);
  expect(valueOf(redisDown, "slowest of them, seconds")).toBe(12);
});

test("with Redis down a signup that becomes active only after the outage fails the run", () => {
  const name = "signups not active within 30 s while Redis was down";
  const waits = { ...redisDown, signups: [signup(10_000, 22_000), signup(20_000, 301_000)] };
  expect(failuresOf(waits)).toEqual([name]);
  const none = { ...redisDown, signups: [signup(10_000, null)], activatedAt: [null] };
  expect(failuresOf(none)).toContain("no signup became active while Redis was down");
  expect(failuresOf({ ...redisDown, signups: [] })).toEqual(["no signup became active while Redis was down"]);
});

test("with Redis down a typed error instead of a token fails the run; after the outage it does not", () => {
  expect(failuresOf({ ...redisDown, responses: [issued, typedError] })).toEqual([
    "viewers without a token while Redis was down",
  ]);
  expect(failuresOf({ ...redisDown, responses: [issued, { ...typedError, respondedAt: upAt + 1 }] })).toEqual(
    [],
  );
});

test("with Vital down every viewer gets a typed error in time, and everything is active soon after the outage", () => {
  expect(failuresOf(vitalDown)).toEqual([]);
  expect(valueOf(vitalDown, "seconds from the end of the outage until everything was active")).toBe(3.5);
  expect(valueOf(vitalDown, "slowest response to a viewer, ms")).toBe(20);
});

test("an untyped response, a response after the deadline, or no response at all fails the run", () => {
  const withResponse = (changes: Partial<TimedResult>) => ({
    ...vitalDown,
    responses: [typedError, { ...typedError, ...changes }],
  });
  expect(failuresOf(withResponse({ isTyped: false, outcome: "connection broken" }))).toEqual([
    "responses that are neither a token nor a typed error",
  ]);
  expect(failuresOf(withResponse({ tookMs: 10_300 }))).toEqual(["responses later than 10000 ms"]);
  expect(failuresOf({ ...vitalDown, responses: [] })).toEqual(["no responses to viewers"]);
});

test("a signup that is not active a minute after the outage fails the run, even if it becomes active later", () => {
  const name = "not everything active 60 s after the outage";
  expect(failuresOf({ ...vitalDown, activatedAt: [upAt + 60_100] })).toEqual([name]);
  expect(failuresOf({ ...vitalDown, activatedAt: [null] })).toEqual([name]);
  expect(failuresOf({ ...vitalDown, isSettled: false })).toEqual([name]);
});

test("an event that is acknowledged only after the outage fails the run, unless MongoDB was down", () => {
  const late = { ...vitalDown, signups: [signup(300_500, 303_500)] };
  expect(failuresOf(late)).toEqual(["signups not acknowledged"]);
  expect(failuresOf({ ...late, outage: { ...late.outage, service: "mongo" } })).toEqual([]);
});

test("an outage is parsed from a service, its seconds and an optional manner", () => {
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
