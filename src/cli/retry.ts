import type { AppUserId } from "../core/mapping/app-user-id.js";
import { retryFailedMapping } from "../core/mapping/mapping-writer.js";
import type { Mappings } from "../mongo/mappings.js";
import { CliError, parseAppUserId, type CliCommand } from "./command.js";
import { withMappings } from "./with-mappings.js";

const now = () => new Date();

/** Sets one mapping back to pending, and returns whether it was failed. */
async function retryNamed(mappings: Mappings, appUserId: AppUserId): Promise<boolean> {
  for (;;) {
    const mapping = await mappings.find(appUserId);
    if (mapping?.state !== "failed") return false;
    // A mapping that changed after it was read may still be failed: read it again.
    if (await retryFailedMapping(mapping, { mappings, now })) return true;
  }
}

/** Sets each mapping that is failed now back to pending, and returns the number of app users. */
async function retryAllFailed(mappings: Mappings, code: string | undefined): Promise<number> {
  let retried = 0;
  for await (const batch of mappings.streamFailed(now(), code)) {
    // A mapping that changed after it was read has been retried or deleted by another process.
    const outcomes = await Promise.all(
      batch.map((mapping) => retryFailedMapping(mapping, { mappings, now })),
    );
    retried += outcomes.filter(Boolean).length;
  }
  return retried;
}

const toText = (retried: number) => `${retried} set back to pending`;

function parseCode(args: readonly string[], options: Record<string, unknown>): string | undefined {
  const { failed, code } = options;
  if (args.length > 0 && failed === true) throw new CliError("name app users or use --failed, not both", 2);
  if (args.length === 0 && failed !== true) throw new CliError("name the app users, or use --failed", 2);
  if (typeof code !== "string") return undefined;
  if (failed !== true) throw new CliError("--code works only with --failed", 2);
  return code;
}

export const retryCommand: CliCommand = {
  declare: (command) =>
    command
      .argument("[appUserIds...]")
      .option("--failed", "retry each mapping that is failed now, once")
      .option("--code <code>", "with --failed: only those that failed with this code"),
  async run({ args, options, output }) {
    const code = parseCode(args, options);
    const appUserIds = [...new Set(args)].map(parseAppUserId);
    return withMappings(async (mappings) => {
      if (appUserIds.length === 0) {
        const retried = await retryAllFailed(mappings, code);
        output.result({ retried, untouched: [] }, () => [toText(retried)]);
        return 0;
      }
      const outcomes = await Promise.all(appUserIds.map((appUserId) => retryNamed(mappings, appUserId)));
      const untouched = appUserIds.filter((_appUserId, index) => outcomes[index] === false);
      const retried = appUserIds.length - untouched.length;
      output.result({ retried, untouched }, () => [
        toText(retried),
        ...untouched.map((appUserId) => `${appUserId} is not failed`),
      ]);
      return untouched.length === 0 ? 0 : 1;
    });
  },
};
