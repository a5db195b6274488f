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

/** Creates the report of a run with outages. */
export function toOutageReport(run: OutageRun): Report {
  const { outages, counters, violations, options } = run;
  const named = outages.map((outage, index) => ({ ...outage, title: `${index + 1}. ${outage.title}` }));
  return {
    seed: options.seed,
    seconds: run.seconds,
    tables: {
      "Responses to events": counters.list("event"),
      "Responses to token requests": counters.list("token"),
      "Warnings and errors in the logs": [...run.logs.messages],
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
