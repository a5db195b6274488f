import { rmSync } from "node:fs";
import { endWithParent } from "./processes/end-with-parent.js";
import { toRandomFaultReport } from "./faults/random-fault-report.js";
import { runRandomFaults } from "./faults/random-fault-run.js";
import { startCleanupProcess } from "./processes/cleanup.js";
import { parseOptions, usage, UsageError, type ChaosOptions } from "./options.js";
import { toOutageReport } from "./outages/outage-report.js";
import { runOutages } from "./outages/outage-run.js";
import { hasFailed, toJson, toLines } from "./report.js";

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

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function runAsAsked(options: ChaosOptions) {
  const cleanup = startCleanupProcess();
  if (options.outages.length === 0) {
    const run = await runRandomFaults({ options, cleanup, say });
    return { cleanup, logFolder: run.logFolder, report: toRandomFaultReport(run) };
  }
  const run = await runOutages({ options, cleanup, say });
  return { cleanup, logFolder: run.logFolder, report: toOutageReport(run) };
}

const options = readOptions();
say(
  `seed ${options.seed}: ${options.signups} signups, ${options.gateways} gateways, ${options.workers} workers`,
);
// Whatever was started ends with this process; see where it is started.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
endWithParent();
const { cleanup, logFolder, report } = await runAsAsked(options);
process.stdout.write(`${toLines(report)}\n`);
if (options.json) process.stdout.write(`${toJson(report)}\n`);
if (hasFailed(report) || options.keepLogs) {
  cleanup.keepFolder(logFolder);
  say(`The logs are in ${logFolder}`);
} else {
  rmSync(logFolder, { recursive: true, force: true });
}
process.exit(hasFailed(report) ? 1 : 0);
