import {
  listUnexplained,
  toAnswerCounts,
  toProblemCounts,
  toProblemDetails,
} from "../faults/random-fault-report.js";
import type { OutageRun } from "./outage-run.js";
import { toProcessCounts, toProcessDetails, type Report } from "../report.js";

/** A run with outages as they were asked for, in numbers. */
export function toOutageReport(run: OutageRun): Report {
  const { outages, tally, problems, options } = run;
  const named = outages.map((outage, index) => ({ ...outage, title: `${index + 1}. ${outage.title}` }));
  return {
    seed: options.seed,
    seconds: run.seconds,
    tables: {
      "Answers to events": tally.list("event"),
      "Answers to requests for a token": tally.list("token"),
      "Warnings and errors in the logs": [...run.logs.phrases],
      ...Object.fromEntries(named.map(({ title, rows }) => [title, rows])),
    },
    counts: {
      ...Object.fromEntries(
        named.flatMap(({ counts }, index) =>
          Object.entries(counts).map(([name, count]) => [`${index + 1}. ${name}`, count] as const),
        ),
      ),
      ...toProblemCounts(problems),
      ...toAnswerCounts(tally),
      ...toProcessCounts(run),
    },
    details: [...toProblemDetails(problems), ...listUnexplained(tally), ...toProcessDetails(run)],
  };
}
