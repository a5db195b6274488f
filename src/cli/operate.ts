import { toAppUserId, type AppUserId } from "../core/mapping/app-user-id.js";
import type { Mapping } from "../core/mapping/mapping.js";
import { createMappingWriter } from "../core/mapping/mapping-writer.js";
import type { Mappings } from "../mongo/mappings.js";
import type { CliCommand } from "./command.js";
import { Failure } from "./failure.js";
import { withMappings } from "./store.js";

function getAppUserId(text: string): AppUserId {
  const appUserId = toAppUserId(text);
  if (appUserId === null) throw new Failure(`"${text}" cannot be an app user id`, 2);
  return appUserId;
}

export const migrateCommand: CliCommand = {
  run: ({ output }) =>
    withMappings(async (mappings) => {
      const missing = await mappings.listMissingIndexes();
      await mappings.createIndexes();
      output.result({ ok: true, created: missing }, () =>
        missing.length === 0 ? ["all indexes exist"] : missing.map((name) => `created index ${name}`),
      );
      return 0;
    }),
};

/** A mapping as an operator is shown it; it holds no secret. */
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
  const mapping = await mappings.find(getAppUserId(text));
  if (mapping === null) throw new Failure(`there is no mapping for "${text}"`);
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

/** Rows put back in one round. */
const batchSize = 500;

export const retryCommand: CliCommand = {
  declare: (command) => command.argument("[appUserIds...]").option("--failed", "all failed mappings"),
  async run({ args, options, output }) {
    if (args.length === 0 && options.failed !== true) {
      throw new Failure("name the app users, or say --failed", 2);
    }
    const named = args.map(getAppUserId);
    return withMappings(async (mappings) => {
      // A mapping that is not failed stays as it is, so the rules for new rows do not matter here.
      const now = () => new Date();
      const unused = {
        deployment: { environment: "sandbox", region: "us" } as const,
        toClientUserId: String,
        settleMs: 0,
      };
      const writer = createMappingWriter({ mappings, now, rules: { ...unused, sweepGraceMs: 0 } });
      const retried: AppUserId[] = [];
      const untouched: AppUserId[] = [];
      async function retry(appUserId: AppUserId): Promise<void> {
        const before = await mappings.find(appUserId);
        const after = before === null ? null : await writer.apply(appUserId, { type: "retried" }, before);
        (before?.state === "failed" && after?.state === "pending" ? retried : untouched).push(appUserId);
      }
      if (options.failed === true) {
        let batch = await mappings.listIds("failed", batchSize);
        while (batch.length > 0) {
          await Promise.all(batch.map(retry));
          batch = await mappings.listIds("failed", batchSize);
        }
      } else await Promise.all(named.map(retry));
      output.result({ retried: retried.length, untouched }, () => [
        `${retried.length} put back to pending`,
        ...untouched.map((appUserId) => `${appUserId} is not failed`),
      ]);
      return untouched.length === 0 ? 0 : 1;
    });
  },
};
