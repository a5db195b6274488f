import type { AppUserId } from "../core/mapping/app-user-id.js";
import type { Mapping, MappingState } from "../core/mapping/mapping.js";
import type { FailureCount } from "../mongo/mapping-reports.js";
import type { Mappings } from "../mongo/mappings.js";
import { CliError, parseAppUserId, type CliCommand } from "./command.js";
import { withMappings } from "./with-mappings.js";

/** Formats a mapping for an operator. It contains no secret. */
function toLines(mapping: Mapping): string[] {
  return Object.entries(mapping)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const text =
        value instanceof Date
          ? value.toISOString()
          : typeof value === "object"
            ? JSON.stringify(value)
            : value;
      return `${name.padEnd(14)} ${String(text)}`;
    });
}

async function showUser(mappings: Mappings, appUserId: AppUserId) {
  const mapping = await mappings.find(appUserId);
  if (mapping === null) throw new CliError(`there is no mapping for "${appUserId}"`);
  return { value: mapping, lines: () => toLines(mapping) };
}

const toAgeSeconds = (at: Date | null): number =>
  at === null ? 0 : Math.round((Date.now() - at.getTime()) / 1000);

/** For each state, how many mappings have each code in their last error. */
function groupFailures(counts: readonly FailureCount[]) {
  const failures: Partial<Record<MappingState, Record<string, number>>> = {};
  for (const { state, code, count } of counts) failures[state] = { ...failures[state], [code]: count };
  return failures;
}

async function showAll(mappings: Mappings) {
  const [counts, failureCounts, oldestPendingAt, oldestDeletingAt] = await Promise.all([
    mappings.countByState(),
    mappings.countFailures(),
    mappings.findOldestPendingAt(),
    mappings.findOldestDeletingAt(),
  ]);
  const oldestPendingSeconds = toAgeSeconds(oldestPendingAt);
  const oldestDeletingSeconds = toAgeSeconds(oldestDeletingAt);
  const lines = () => [
    ...Object.entries(counts).map(([state, count]) => `${state.padEnd(15)} ${count}`),
    `oldest pending  ${oldestPendingSeconds} s`,
    `oldest deleting ${oldestDeletingSeconds} s`,
    ...failureCounts.map(({ state, code, count }) => `${state}, last attempt failed with ${code}: ${count}`),
  ];
  const failures = groupFailures(failureCounts);
  return { value: { mappings: counts, oldestPendingSeconds, oldestDeletingSeconds, failures }, lines };
}

export const statusCommand: CliCommand = {
  declare: (command) => command.argument("[appUserId]"),
  async run({ args: [text], output }) {
    const appUserId = text === undefined ? null : parseAppUserId(text);
    return withMappings(async (mappings) => {
      const { value, lines } = await (appUserId === null ? showAll(mappings) : showUser(mappings, appUserId));
      output.result(value, lines);
      return 0;
    });
  },
};
