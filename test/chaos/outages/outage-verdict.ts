import { toName, type Outage } from "./outage.js";
import type { Row } from "../report.js";
import type { Visit } from "../load/viewers.js";

/** `GATEWAY_DEADLINE_MS` of the run: its default. */
export const gatewayDeadlineMs = 10_000;
/** The way there and back, and the timers on it. */
const transportMs = 250;
/** From the service's return. */
export const settleWithinMs = 60_000;
/** Without Redis a sweeper finds the row; a signup that is younger when Redis returns says nothing. */
const directWithinMs = 30_000;

export type TimedVisit = Visit & { answeredAt: number };

/** What was seen of one outage; instants are epoch milliseconds. */
export type OutageFacts = {
  outage: Outage;
  downAt: number;
  upAt: number;
  /** Of those who signed up meanwhile; `null` for what did not happen. */
  signups: readonly { acknowledgedAt: number | null; activatedAt: number | null }[];
  /** Answers to events other than "taken", and requests without an answer. */
  refusals: number;
  /** Every answer, also those of a retry and those after its end. */
  responses: readonly TimedVisit[];
  visitors: number;
  /** Of everybody who was announced or is stored; `null` for those who are not active. */
  activatedAt: readonly (number | null)[];
  isSettled: boolean;
};

export type MeasuredOutage = {
  title: string;
  rows: readonly Row[];
  /** What has to be zero. */
  counts: Readonly<Record<string, number>>;
};

const toSeconds = (durationMs: number) => Number((durationMs / 1000).toFixed(1));
const maxOf = (numbers: readonly number[]) => numbers.reduce((max, number) => Math.max(max, number), 0);

/** Those who became active before the service was back, and how long each took from the 202. */
function listActiveMeanwhile({ signups, upAt }: OutageFacts): number[] {
  return signups.flatMap(({ acknowledgedAt, activatedAt }) =>
    acknowledgedAt === null || activatedAt === null || activatedAt > upAt
      ? []
      : [Math.max(0, activatedAt - acknowledgedAt)],
  );
}

/** With only Redis away everything goes on, more slowly. */
function checkWithoutRedis(facts: OutageFacts): Record<string, number> {
  const tookMs = facts.signups.flatMap(({ acknowledgedAt, activatedAt }) =>
    acknowledgedAt === null || acknowledgedAt + directWithinMs > facts.upAt
      ? []
      : [(activatedAt ?? Infinity) - acknowledgedAt],
  );
  const late = tookMs.filter((durationMs) => durationMs > directWithinMs);
  const meanwhile = facts.responses.filter(({ answeredAt }) => answeredAt <= facts.upAt);
  return {
    [`signups not active within ${toSeconds(directWithinMs)} s, with Redis down`]: late.length,
    "no signup active with Redis down": late.length === tookMs.length ? 1 : 0,
    "viewers without a token, with Redis down": meanwhile.filter(({ outcome }) => outcome !== "issued")
      .length,
  };
}

/** Where the store is there, an event is taken at once, whatever else is away; else when it is back. */
function countUnacknowledged({ signups, upAt, outage }: OutageFacts): number {
  const latestAt = outage.service === "mongo" ? upAt + settleWithinMs : upAt;
  return signups.filter(({ acknowledgedAt }) => (acknowledgedAt ?? Infinity) > latestAt).length;
}

function toRestSeconds({ activatedAt, upAt, isSettled }: OutageFacts): number | null {
  const reached = activatedAt.filter((at) => at !== null);
  if (!isSettled || reached.length < activatedAt.length) return null;
  return toSeconds(Math.max(0, maxOf(reached) - upAt));
}

/** Holds what was seen against what is promised. */
export function checkOutage(facts: OutageFacts): MeasuredOutage {
  const { outage, responses, signups, upAt, visitors } = facts;
  const meanwhile = responses.filter(({ answeredAt }) => answeredAt <= upAt);
  const active = listActiveMeanwhile(facts);
  const restSeconds = toRestSeconds(facts);
  const acknowledged = signups.filter(({ acknowledgedAt }) => (acknowledgedAt ?? Infinity) <= upAt);
  const isRedis = outage.service === "redis";
  const slowestMs = Math.round(maxOf(responses.map(({ tookMs }) => tookMs)));
  const rows: Row[] = [
    ["signups", signups.length],
    ["signups acknowledged meanwhile", acknowledged.length],
    ["signups told to send again, or nothing", facts.refusals],
    ["signups active meanwhile", active.length],
    ["  the slowest of them, seconds", active.length === 0 ? null : toSeconds(maxOf(active))],
    ["viewers", visitors],
    ["answers to viewers meanwhile", meanwhile.length],
    ["  of these tokens", meanwhile.filter(({ outcome }) => outcome === "issued").length],
    ["  of these typed errors", meanwhile.filter((one) => one.isTyped && one.outcome !== "issued").length],
    ["slowest answer to a viewer, ms", slowestMs],
    ["seconds from its return until everything was active", restSeconds],
  ];
  const counts = {
    "viewers not answered at all": responses.length === 0 ? 1 : 0,
    "answers without a type": responses.filter(({ isTyped }) => !isTyped).length,
    [`answers later than ${gatewayDeadlineMs} ms`]: responses.filter(
      ({ tookMs }) => tookMs > gatewayDeadlineMs + transportMs,
    ).length,
    "signups not acknowledged": countUnacknowledged(facts),
    [`not active ${toSeconds(settleWithinMs)} s after its return`]:
      restSeconds === null || restSeconds * 1000 > settleWithinMs ? 1 : 0,
    ...(isRedis && checkWithoutRedis(facts)),
  };
  return { title: toName(outage), rows, counts };
}
