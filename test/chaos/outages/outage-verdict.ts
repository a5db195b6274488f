import { describeOutage, type Outage } from "./outage.js";
import type { Row } from "../report.js";
import type { TokenRequestResult } from "../load/viewers.js";

/** The default of `GATEWAY_DEADLINE_MS`. */
const gatewayDeadlineMs = 10_000;
/** Allowance for the network and for timers. */
const transportMs = 250;
/** Counted from the end of the outage. */
export const settleWithinMs = 60_000;
/**
 * Without Redis, a sweeper makes a signup active within this time. Signups that are acknowledged later than this before the
 * end of the outage are not checked.
 */
const sweptWithinMs = 30_000;

export type TimedResult = TokenRequestResult & { respondedAt: number };

/** What was observed during one outage; times are epoch milliseconds. */
export type OutageFacts = {
  outage: Outage;
  downAt: number;
  upAt: number;
  /** Times for each app user who signed up during the outage; `null` if it did not happen. */
  signups: readonly { acknowledgedAt: number | null; activatedAt: number | null }[];
  /** Event requests with a status other than 202 or without a response. */
  unacknowledgedRequests: number;
  /** The result of every token request, retries and requests after the outage included. */
  responses: readonly TimedResult[];
  viewers: number;
  /** Time for each app user who signed up or has a mapping; `null` if not active. */
  activatedAt: readonly (number | null)[];
  isSettled: boolean;
};

export type OutageResult = {
  title: string;
  rows: readonly Row[];
  /** Counts that must be zero. */
  counts: Readonly<Record<string, number>>;
};

const toSeconds = (durationMs: number) => Number((durationMs / 1000).toFixed(1));
const maxOf = (numbers: readonly number[]) => numbers.reduce((max, number) => Math.max(max, number), 0);

/** Returns the time from the 202 to activation of each app user who became active during the outage. */
function listActivationTimes({ signups, upAt }: OutageFacts): number[] {
  return signups.flatMap(({ acknowledgedAt, activatedAt }) =>
    acknowledgedAt === null || activatedAt === null || activatedAt > upAt
      ? []
      : [Math.max(0, activatedAt - acknowledgedAt)],
  );
}

/** With only Redis down, the product does all its work, but more slowly. */
function checkWithoutRedis(facts: OutageFacts): Record<string, number> {
  const tookMs = facts.signups.flatMap(({ acknowledgedAt, activatedAt }) =>
    acknowledgedAt === null || acknowledgedAt + sweptWithinMs > facts.upAt
      ? []
      : [(activatedAt ?? Infinity) - acknowledgedAt],
  );
  const late = tookMs.filter((durationMs) => durationMs > sweptWithinMs);
  const during = facts.responses.filter(({ respondedAt }) => respondedAt <= facts.upAt);
  return {
    [`signups not active within ${toSeconds(sweptWithinMs)} s while Redis was down`]: late.length,
    "no signup became active while Redis was down": late.length === tookMs.length ? 1 : 0,
    "viewers without a token while Redis was down": during.filter(({ outcome }) => outcome !== "issued")
      .length,
  };
}

/** Signups must be acknowledged before the end of the outage or, if MongoDB was down, soon after it. */
function countUnacknowledged({ signups, upAt, outage }: OutageFacts): number {
  const latestAt = outage.service === "mongo" ? upAt + settleWithinMs : upAt;
  return signups.filter(({ acknowledgedAt }) => (acknowledgedAt ?? Infinity) > latestAt).length;
}

function toSettledSeconds({ activatedAt, upAt, isSettled }: OutageFacts): number | null {
  const reached = activatedAt.filter((at) => at !== null);
  if (!isSettled || reached.length < activatedAt.length) return null;
  return toSeconds(Math.max(0, maxOf(reached) - upAt));
}

/** Compares what was observed with what the product promises. */
export function checkOutage(facts: OutageFacts): OutageResult {
  const { outage, responses, signups, upAt, viewers } = facts;
  const during = responses.filter(({ respondedAt }) => respondedAt <= upAt);
  const active = listActivationTimes(facts);
  const settledSeconds = toSettledSeconds(facts);
  const acknowledged = signups.filter(({ acknowledgedAt }) => (acknowledgedAt ?? Infinity) <= upAt);
  const isRedis = outage.service === "redis";
  const slowestMs = Math.round(maxOf(responses.map(({ tookMs }) => tookMs)));
  const rows: Row[] = [
    ["signups", signups.length],
    ["signups acknowledged during the outage", acknowledged.length],
    ["event requests without a 202", facts.unacknowledgedRequests],
    ["signups active during the outage", active.length],
    ["  slowest of them, seconds", active.length === 0 ? null : toSeconds(maxOf(active))],
    ["viewers", viewers],
    ["responses to viewers during the outage", during.length],
    ["  of these, tokens", during.filter(({ outcome }) => outcome === "issued").length],
    [
      "  of these, typed errors",
      during.filter((response) => response.isTyped && response.outcome !== "issued").length,
    ],
    ["slowest response to a viewer, ms", slowestMs],
    ["seconds from the end of the outage until everything was active", settledSeconds],
  ];
  const counts = {
    "no responses to viewers": responses.length === 0 ? 1 : 0,
    "responses that are neither a token nor a typed error": responses.filter(({ isTyped }) => !isTyped)
      .length,
    [`responses later than ${gatewayDeadlineMs} ms`]: responses.filter(
      ({ tookMs }) => tookMs > gatewayDeadlineMs + transportMs,
    ).length,
    "signups not acknowledged": countUnacknowledged(facts),
    [`not everything active ${toSeconds(settleWithinMs)} s after the outage`]:
      settledSeconds === null || settledSeconds * 1000 > settleWithinMs ? 1 : 0,
    ...(isRedis && checkWithoutRedis(facts)),
  };
  return { title: describeOutage(outage), rows, counts };
}
