import { parseOptions, usage, UsageError, type ChaosOptions } from "./options.js";
import { hasFailed, toJson, toText } from "./report.js";
import { removeLogs, runChaos } from "./run.js";

function readOptions(): ChaosOptions {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return parseOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}\n`);
    process.exit(2);
  }
}

const options = readOptions();
const say = (line: string) => void process.stderr.write(`${line}\n`);
say(
  `seed ${options.seed}: ${options.signups} signups, ${options.gateways} gateways, ${options.workers} workers`,
);
// Whatever was started ends with this process; see where it is started.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const run = await runChaos(options, say);
process.stdout.write(`${toText(run)}\n`);
if (options.json) process.stdout.write(`${toJson(run)}\n`);
if (hasFailed(run) || options.keepLogs) say(`The logs are in ${run.logFolder}`);
else removeLogs(run);
process.exit(hasFailed(run) ? 1 : 0);
