import type { RandomFaultRun } from "./random-fault-run.js";
import type { Report, Row } from "../report.js";
import {
  countProcessProblems,
  countResponseProblems,
  countViolations,
  describeProcessProblems,
  describeViolations,
  listUnexplainedFailures,
} from "../report-counts.js";
import { inFlightAllowanceMs, type RetryAfterWindows } from "./retry-after-window.js";

const listLateCalls = ({ measured }: RetryAfterWindows) => measured.flatMap(({ late }) => late);

function toCounts(run: RandomFaultRun): Record<string, number> {
  const { violations, counters, evidence, retryAfterWindows } = run;
  const announced = [...evidence.users.values()].flat().length;
  return {
    ...countViolations(violations),
    "not at rest in time": run.restAfterSeconds === null ? 1 : 0,
    "events never acknowledged": announced - evidence.acknowledged.size,
    "viewers not served at rest": run.unserved.length,
    "calls during Retry-After windows": listLateCalls(retryAfterWindows).length,
    "Retry-After windows without a call": retryAfterWindows.missed,
    ...countResponseProblems(counters),
    ...countProcessProblems(run),
  };
}

const toWindowRow = ({ status, retryAfterSeconds, inFlight, late }: RetryAfterWindows["measured"][number]) =>
  [`${status}, ${retryAfterSeconds} s: ${inFlight} calls were under way, beyond them`, late.length] as const;

/** Windows may be of one name, and names are keys. */
const toWindowRows = ({ measured }: RetryAfterWindows): Row[] => [
  [`windows (${inFlightAllowanceMs} ms are under way)`, measured.length],
  ...measured.map((window, index): Row => {
    const [name, late] = toWindowRow(window);
    return [`${index + 1}. ${name}`, late];
  }),
];

/** A run with faults by chance, in numbers. */
export function toRandomFaultReport(run: RandomFaultRun): Report {
  const { counters, evidence, options } = run;
  const totals: Row[] = [
    ["app users", evidence.users.size],
    ["events", [...evidence.users.values()].flat().length],
    ["events acknowledged", evidence.acknowledged.size],
    ["tokens issued and checked", evidence.tokens.length],
    ["Vital users ever created", evidence.ledger.length],
    ["Vital users deleted at Vital itself", evidence.deletedAtVital.size],
    ["  of these found out at the end", run.healed],
    ["viewers asked at rest", run.askedAtRest],
    ["seconds to rest", run.restAfterSeconds === null ? null : Number(run.restAfterSeconds.toFixed(1))],
  ];
  return {
    seed: options.seed,
    seconds: run.seconds,
    tables: {
      Faults: counters.list("fault"),
      "Answers to events": counters.list("event"),
      "Events for the queue": counters.list("queue"),
      "Answers to requests for a token": counters.list("token"),
      "Warnings and errors in the logs": [...run.logs.phrases],
      "Retry-After windows": toWindowRows(run.retryAfterWindows),
      Totals: totals,
    },
    counts: toCounts(run),
    details: [
      ...describeViolations(run.violations),
      ...listLateCalls(run.retryAfterWindows).map((call) => `during Retry-After: ${call}`),
      ...run.unserved.map((line) => `not served at rest: ${line}`),
      ...listUnexplainedFailures(run.counters),
      ...describeProcessProblems(run),
    ],
  };
}
