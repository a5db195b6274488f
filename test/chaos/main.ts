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

/** Progress goes to standard error; standard output has only the report. */
const print = (line: string) => void process.stderr.write(`${line}\n`);

async function run(options: ChaosOptions) {
  const cleanup = startCleanupProcess();
  if (options.outages.length === 0) {
    const result = await runRandomFaults({ options, cleanup, print });
    return { cleanup, logFolder: result.logFolder, report: toRandomFaultReport(result) };
  }
  const result = await runOutages({ options, cleanup, print });
  return { cleanup, logFolder: result.logFolder, report: toOutageReport(result) };
}

const options = readOptions();
print(
  `Seed ${options.seed}: ${options.signups} signups, ${options.gateways} gateways, ${options.workers} workers.`,
);
// Every child process is registered to end when this process exits.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
endWithParent();
const { cleanup, logFolder, report } = await run(options);
process.stdout.write(`${toLines(report)}\n`);
if (options.json) process.stdout.write(`${toJson(report)}\n`);
if (hasFailed(report) || options.keepLogs) {
  cleanup.keepFolder(logFolder);
  print(`The logs of the processes are in ${logFolder}`);
} else {
  rmSync(logFolder, { recursive: true, force: true });
}
process.exit(hasFailed(report) ? 1 : 0);
