import type { FaultRun } from "./random-fault-run.js";
import { sum, toProcessCounts, toProcessDetails, type Report, type Row } from "../report.js";
import type { Tally } from "../counters.js";
import { inFlightAllowanceMs, type ThrottleWindows } from "./retry-after-window.js";
import { findings, type Problem } from "../verdict/invariants.js";

export const toProblemCounts = (problems: readonly Problem[]): Record<string, number> =>
  Object.fromEntries(
    findings.map((finding) => [finding, problems.filter((problem) => problem.finding === finding).length]),
  );

export const toProblemDetails = (problems: readonly Problem[]): string[] =>
  problems.map(({ finding, appUserId, detail }) => `${finding}: ${appUserId}: ${detail}`);

/** What clients were told that nothing in a run is a reason for. */
export const toAnswerCounts = (tally: Tally): Record<string, number> => ({
  "events refused": sum(
    tally
      .list("event")
      .filter(([outcome]) => /^(4|500)/.test(outcome))
      .map(([, count]) => count),
  ),
  "viewers refused": tally.get("token", "UNAUTHENTICATED") + tally.get("token", "PROVISIONING_FAILED"),
  "answers too late": tally.get("token", "too late") + tally.get("event", "too late"),
  "answers unreadable": tally.get("token", "unreadable answer"),
  "connections broken off": tally.get("token", "broken off") + tally.get("event", "broken off"),
  "errors shown as internal": tally.get("token", "INTERNAL_SERVER_ERROR"),
});

/** Answers too late and connections broken off, one by one. */
export const listUnexplained = (tally: Tally): string[] =>
  tally.list("unexplained").map(([detail]) => detail);

const listBeyond = ({ measured }: ThrottleWindows) => measured.flatMap(({ beyond }) => beyond);

function toCounts(run: FaultRun): Record<string, number> {
  const { problems, tally, evidence, throttleWindows } = run;
  const announced = [...evidence.users.values()].flat().length;
  return {
    ...toProblemCounts(problems),
    "not at rest in time": run.restAfterSeconds === null ? 1 : 0,
    "events never acknowledged": announced - evidence.acknowledged.size,
    "viewers not served at rest": run.unserved.length,
    "calls during Retry-After windows": listBeyond(throttleWindows).length,
    "Retry-After windows without a call": throttleWindows.missed,
    ...toAnswerCounts(tally),
    ...toProcessCounts(run),
  };
}

const toWindowRow = ({ status, retryAfterSeconds, inFlight, beyond }: ThrottleWindows["measured"][number]) =>
  [
    `${status}, ${retryAfterSeconds} s: ${inFlight} calls were under way, beyond them`,
    beyond.length,
  ] as const;

/** Windows may be of one name, and names are keys. */
const toWindowRows = ({ measured }: ThrottleWindows): Row[] => [
  [`windows (${inFlightAllowanceMs} ms are under way)`, measured.length],
  ...measured.map((window, index): Row => {
    const [name, beyond] = toWindowRow(window);
    return [`${index + 1}. ${name}`, beyond];
  }),
];

/** A run with faults by chance, in numbers. */
export function toFaultReport(run: FaultRun): Report {
  const { tally, evidence, options } = run;
  const totals: Row[] = [
    ["app users", evidence.users.size],
    ["events", [...evidence.users.values()].flat().length],
    ["events acknowledged", evidence.acknowledged.size],
    ["tokens issued and checked", evidence.tokens.length],
    ["Vital users ever created", evidence.ledger.length],
    ["Vital users deleted at Vital itself", evidence.deletedUpstream.size],
    ["  of these found out at the end", run.healed],
    ["viewers asked at rest", run.askedAtRest],
    ["seconds to rest", run.restAfterSeconds === null ? null : Number(run.restAfterSeconds.toFixed(1))],
  ];
  return {
    seed: options.seed,
    seconds: run.seconds,
    tables: {
      Faults: tally.list("fault"),
      "Answers to events": tally.list("event"),
      "Events for the queue": tally.list("queue"),
      "Answers to requests for a token": tally.list("token"),
      "Warnings and errors in the logs": [...run.logs.phrases],
      "Retry-After windows": toWindowRows(run.throttleWindows),
      Totals: totals,
    },
    counts: toCounts(run),
    details: [
      ...toProblemDetails(run.problems),
      ...listBeyond(run.throttleWindows).map((call) => `during Retry-After: ${call}`),
      ...run.unserved.map((line) => `not served at rest: ${line}`),
      ...listUnexplained(run.tally),
      ...toProcessDetails(run),
    ],
  };
}
