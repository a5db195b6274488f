import type { ChaosRun } from "./run.js";
import { inFlightAllowanceMs } from "./throttle-window.js";
import type { Finding } from "./verdict.js";

const findings: readonly Finding[] = [
  "lost",
  "duplicate users",
  "wrong mappings",
  "wrong tokens",
  "undeleted",
  "stuck",
];

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** What has to be zero, by name. */
export function toCounts(run: ChaosRun): Record<string, number> {
  const { problems, tally } = run;
  const counts = findings.map(
    (finding) => [finding, problems.filter((problem) => problem.finding === finding).length] as const,
  );
  return {
    ...Object.fromEntries(counts),
    "not at rest in time": run.restAfterSeconds === null ? 1 : 0,
    "processes that ended by themselves": run.unaskedEnds.length,
    "processes that stopped badly": run.badStops.length,
    "calls during Retry-After windows": run.throttleWindows.flat().length,
    "events refused": sum(
      tally
        .list("event")
        .filter(([outcome]) => /^(4|500)/.test(outcome))
        .map(([, count]) => count),
    ),
    "answers too late or unreadable":
      tally.get("token", "too late") + tally.get("token", "unreadable answer"),
    "internal errors": tally.get("token", "INTERNAL_SERVER_ERROR") + run.bugs,
    "lines of a crash": run.logs.strayLines.length,
    "secrets in logs": run.logs.secretLines,
  };
}

export const hasFailed = (run: ChaosRun): boolean => sum(Object.values(toCounts(run))) > 0;

type Row = readonly [string, string | number];

const toTable = (title: string, rows: readonly Row[]): string[] =>
  rows.length === 0
    ? []
    : ["", title, ...rows.map(([name, value]) => `  ${String(value).padStart(7)}  ${name}`)];

const maxShown = 20;

function listDetails(run: ChaosRun): string[] {
  const details = [
    ...run.problems.map(({ finding, appUserId, detail }) => `${finding}: ${appUserId}: ${detail}`),
    ...run.unaskedEnds.map(({ name, how }) => `ended by itself: ${name}: ${how}`),
    ...run.badStops,
    ...run.throttleWindows.flat().map((call) => `during Retry-After: ${call}`),
    ...run.logs.strayLines.map((line) => `stray line: ${line}`),
  ];
  const hidden = details.length - maxShown;
  return [...details.slice(0, maxShown), ...(hidden > 0 ? [`and ${hidden} more`] : [])];
}

/** The run in words for a terminal; the last line says how many counts are not zero. */
export function toText(run: ChaosRun): string {
  const { tally, evidence, throttleWindows, restAfterSeconds } = run;
  const counts = Object.entries(toCounts(run));
  const rest = restAfterSeconds === null ? "not at rest" : `at rest after ${restAfterSeconds.toFixed(1)} s`;
  const failed = counts.filter(([, count]) => count > 0).length;
  const totals: Row[] = [
    ["app users", evidence.users.size],
    ["events", [...evidence.users.values()].flat().length],
    ["events acknowledged", evidence.acknowledged.size],
    ["tokens issued and checked", evidence.tokens.length],
    ["Vital users ever created", evidence.ledger.length],
    ["Vital users deleted at Vital itself", evidence.deletedUpstream.size],
    ["  of these found out at the end", run.healed],
    [`Retry-After windows (allowance ${inFlightAllowanceMs} ms)`, throttleWindows.length],
  ];
  return [
    ...toTable("Faults", tally.list("fault")),
    ...toTable("Answers to events", tally.list("event")),
    ...toTable("Events for the queue", tally.list("queue")),
    ...toTable("Answers to requests for a token", tally.list("token")),
    ...toTable("Warnings and errors in the logs", [...run.logs.phrases]),
    ...toTable("Totals", totals),
    ...toTable("Must be zero", counts),
    "",
    ...listDetails(run),
    `seed ${run.options.seed}, ${run.seconds.toFixed(0)} s, ${rest}`,
    failed === 0 ? "0 failed" : `${failed} failed`,
  ].join("\n");
}

/** The run as one JSON line for a program. */
export function toJson(run: ChaosRun): string {
  const { options, seconds, restAfterSeconds, evidence, tally } = run;
  const { users, acknowledged, tokens } = evidence;
  return JSON.stringify({
    ok: !hasFailed(run),
    seed: options.seed,
    signups: options.signups,
    seconds: Math.round(seconds),
    restAfterSeconds,
    appUsers: users.size,
    acknowledged: acknowledged.size,
    tokens: tokens.length,
    faults: sum(tally.list("fault").map(([, count]) => count)),
    counts: toCounts(run),
  });
}
