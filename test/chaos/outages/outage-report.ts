import type { OutageRun } from "./outage-run.js";
import type { Report } from "../report.js";
import {
  countProcessProblems,
  countResponseProblems,
  countViolations,
  describeProcessProblems,
  describeViolations,
  listUnexplainedFailures,
} from "../report-counts.js";

/** A run with outages as they were asked for, in numbers. */
export function toOutageReport(run: OutageRun): Report {
  const { outages, counters, violations, options } = run;
  const named = outages.map((outage, index) => ({ ...outage, title: `${index + 1}. ${outage.title}` }));
  return {
    seed: options.seed,
    seconds: run.seconds,
    tables: {
      "Answers to events": counters.list("event"),
      "Answers to requests for a token": counters.list("token"),
      "Warnings and errors in the logs": [...run.logs.phrases],
      ...Object.fromEntries(named.map(({ title, rows }) => [title, rows])),
    },
    counts: {
      ...Object.fromEntries(
        named.flatMap(({ counts }, index) =>
          Object.entries(counts).map(([name, count]) => [`${index + 1}. ${name}`, count] as const),
        ),
      ),
      ...countViolations(violations),
      ...countResponseProblems(counters),
      ...countProcessProblems(run),
    },
    details: [
      ...describeViolations(violations),
      ...listUnexplainedFailures(counters),
      ...describeProcessProblems(run),
    ],
  };
}
