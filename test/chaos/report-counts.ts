import type { Counters } from "./counters.js";
import { violationKinds, type Violation } from "./verdict/invariants.js";

/** What goes wrong in a process is wrong in every kind of run. */
export type ProcessProblems = {
  unexpectedExits: readonly { name: string; how: string }[];
  stopProblems: readonly string[];
  logs: { strayLines: readonly string[]; secretLines: number; phrases: ReadonlyMap<string, number> };
  bugs: number;
};

export const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

export const countViolations = (violations: readonly Violation[]): Record<string, number> =>
  Object.fromEntries(
    violationKinds.map((kind) => [kind, violations.filter((violation) => violation.kind === kind).length]),
  );

export const describeViolations = (violations: readonly Violation[]): string[] =>
  violations.map(({ kind, appUserId, detail }) => `${kind}: ${appUserId}: ${detail}`);

/** What clients were told that nothing in a run is a reason for. */
export const countResponseProblems = (counters: Counters): Record<string, number> => ({
  "events refused": sum(
    counters
      .list("event")
      .filter(([outcome]) => /^(4|500)/.test(outcome))
      .map(([, count]) => count),
  ),
  "viewers refused": counters.get("token", "UNAUTHENTICATED") + counters.get("token", "PROVISIONING_FAILED"),
  "answers too late": counters.get("token", "too late") + counters.get("event", "too late"),
  "answers unreadable": counters.get("token", "unreadable answer"),
  "connections broken off": counters.get("token", "broken off") + counters.get("event", "broken off"),
  "errors shown as internal": counters.get("token", "INTERNAL_SERVER_ERROR"),
});

/** Answers too late and connections broken off, one by one. */
export const listUnexplainedFailures = (counters: Counters): string[] =>
  counters.list("unexplained").map(([detail]) => detail);

export const countProcessProblems = ({ unexpectedExits, stopProblems, logs, bugs }: ProcessProblems) => ({
  "processes that ended by themselves": unexpectedExits.length,
  "processes that stopped badly": stopProblems.length,
  "internal errors": bugs,
  "lines of a crash": logs.strayLines.length,
  "secrets in logs": logs.secretLines,
});

export const describeProcessProblems = ({
  unexpectedExits,
  stopProblems,
  logs,
}: ProcessProblems): string[] => [
  ...unexpectedExits.map(({ name, how }) => `ended by itself: ${name}: ${how}`),
  ...stopProblems,
  ...logs.strayLines.map((line) => `stray line: ${line}`),
];
