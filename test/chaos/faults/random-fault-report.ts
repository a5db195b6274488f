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
  const eventCount = [...evidence.users.values()].flat().length;
  return {
    ...countViolations(violations),
    "not settled in time": run.settledAfterSeconds === null ? 1 : 0,
    "events never acknowledged": eventCount - evidence.acknowledged.size,
    "viewers not served after the faults": run.unservedViewers.length,
    "late calls in Retry-After windows": listLateCalls(retryAfterWindows).length,
    "Retry-After windows without a measurement": retryAfterWindows.missed,
    ...countResponseProblems(counters),
    ...countProcessProblems(run),
  };
}

/** The number makes each name unique, as `--json` uses the names as keys. */
const toWindowRow = (
  { status, retryAfterSeconds, inFlight, late }: RetryAfterWindows["measured"][number],
  index: number,
): Row => [
  `late calls in window ${index + 1}: status ${status}, Retry-After ${retryAfterSeconds} s, ${inFlight} in flight`,
  late.length,
];

const toWindowRows = ({ measured }: RetryAfterWindows): Row[] => [
  [`windows measured (calls in the first ${inFlightAllowanceMs} ms count as in flight)`, measured.length],
  ...measured.map(toWindowRow),
];

/** Creates the report of a run with random faults. */
export function toRandomFaultReport(run: RandomFaultRun): Report {
  const { counters, evidence, options } = run;
  const totals: Row[] = [
    ["app users", evidence.users.size],
    ["events", [...evidence.users.values()].flat().length],
    ["events acknowledged", evidence.acknowledged.size],
    ["tokens issued and checked", evidence.tokens.length],
    ["Vital users ever created", evidence.ledger.length],
    ["Vital users deleted directly at Vital", evidence.deletedAtVital.size],
    ["  of these replaced only after the faults", run.replaced],
    ["viewers checked after the faults", run.checkedViewers],
    [
      "seconds until everything settled",
      run.settledAfterSeconds === null ? null : Number(run.settledAfterSeconds.toFixed(1)),
    ],
  ];
  return {
    seed: options.seed,
    seconds: run.seconds,
    tables: {
      "Faults injected": counters.list("fault"),
      "Responses to events": counters.list("event"),
      "Events published to the queue": counters.list("queue"),
      "Responses to token requests": counters.list("token"),
      "Warnings and errors in the logs": [...run.logs.messages],
      "Retry-After windows": toWindowRows(run.retryAfterWindows),
      Totals: totals,
    },
    counts: toCounts(run),
    details: [
      ...describeViolations(run.violations),
      ...listLateCalls(run.retryAfterWindows).map((call) => `late call in a Retry-After window: ${call}`),
      ...run.unservedViewers.map((line) => `viewer not served after the faults: ${line}`),
      ...listUnexplainedFailures(run.counters),
      ...describeProcessProblems(run),
    ],
  };
}
