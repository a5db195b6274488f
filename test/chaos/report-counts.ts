import type { Counters } from "./counters.js";
import type { LogFindings } from "./verdict/log-files.js";
import { violationKinds, type Violation } from "./verdict/invariants.js";

/** Problems of the processes that fail every kind of run. */
export type ProcessProblems = {
  unexpectedExits: readonly { name: string; how: string }[];
  stopProblems: readonly string[];
  logs: LogFindings;
};

export const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

export const countViolations = (violations: readonly Violation[]): Record<string, number> =>
  Object.fromEntries(
    violationKinds.map((kind) => [kind, violations.filter((violation) => violation.kind === kind).length]),
  );

export const describeViolations = (violations: readonly Violation[]): string[] =>
  violations.map(({ kind, appUserId, detail }) => `${kind}: ${appUserId}: ${detail}`);

/** Counts the responses that no fault of a run explains. */
export const countResponseProblems = (counters: Counters): Record<string, number> => ({
  "events rejected": sum(
    counters
      .list("event")
      .filter(([outcome]) => /^(4|500)/.test(outcome))
      .map(([, count]) => count),
  ),
  "viewers rejected": counters.get("token", "UNAUTHENTICATED") + counters.get("token", "PROVISIONING_FAILED"),
  "responses too late": counters.get("token", "too late") + counters.get("event", "too late"),
  "unreadable responses": counters.get("token", "unreadable response"),
  "broken connections":
    counters.get("token", "connection broken") + counters.get("event", "connection broken"),
  "internal errors shown to viewers": counters.get("token", "INTERNAL_SERVER_ERROR"),
});

/** Describes each late response and each broken connection. */
export const listUnexplainedFailures = (counters: Counters): string[] =>
  counters.list("unexplained").map(([detail]) => detail);

export const countProcessProblems = ({ unexpectedExits, stopProblems, logs }: ProcessProblems) => ({
  "processes that exited unexpectedly": unexpectedExits.length,
  "processes that did not stop cleanly": stopProblems.length,
  "unexpected errors in the logs": logs.unexpectedErrors,
  "lines that are not log lines": logs.strayLines.length,
  "log lines with secrets": logs.secretLines,
});

export const describeProcessProblems = ({
  unexpectedExits,
  stopProblems,
  logs,
}: ProcessProblems): string[] => [
  ...unexpectedExits.map(({ name, how }) => `${name} exited unexpectedly: ${how}`),
  ...stopProblems,
  ...logs.strayLines.map((line) => `not a log line: ${line}`),
];
