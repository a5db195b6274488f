import type { Mapping } from "../core/mapping/mapping.js";
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

async function showUser(mappings: Mappings, text: string) {
  const mapping = await mappings.find(parseAppUserId(text));
  if (mapping === null) throw new CliError(`there is no mapping for "${text}"`);
  return { value: mapping, lines: () => toLines(mapping) };
}

async function showAll(mappings: Mappings) {
  const [counts, oldestPendingAt] = await Promise.all([
    mappings.countByState(),
    mappings.findOldestPendingAt(),
  ]);
  const oldestPendingSeconds =
    oldestPendingAt === null ? 0 : Math.round((Date.now() - oldestPendingAt.getTime()) / 1000);
  const lines = () => [
    ...Object.entries(counts).map(([state, count]) => `${state.padEnd(14)} ${count}`),
    `oldest pending ${oldestPendingSeconds} s`,
  ];
  return { value: { mappings: counts, oldestPendingSeconds }, lines };
}

export const statusCommand: CliCommand = {
  declare: (command) => command.argument("[appUserId]"),
  run: ({ args: [appUserId], output }) =>
    withMappings(async (mappings) => {
      const { value, lines } = await (appUserId === undefined
        ? showAll(mappings)
        : showUser(mappings, appUserId));
      output.result(value, lines);
      return 0;
    }),
};
