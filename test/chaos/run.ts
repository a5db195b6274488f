import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Print } from "../../dev/embedded/server.js";
import type { CleanupProcess } from "./processes/cleanup.js";
import type { ChaosOptions } from "./options.js";
import type { ProcessProblems } from "./report-counts.js";
import { startTestbed, type Closers, type Testbed } from "./testbed.js";

export type RunOptions = {
  options: ChaosOptions;
  cleanup: CleanupProcess;
  /** The product's timeout for one call to Vital. */
  vitalTimeoutMs: number;
  print: Print;
};

/** The part of a result that every kind of run has. */
export type RunResult = ProcessProblems & {
  options: ChaosOptions;
  logFolder: string;
  /** Duration of the whole run, start and stop included. */
  seconds: number;
};

/** Starts the testbed, calls `perform` with it, reads the logs and stops everything. */
export async function runOnTestbed<T>(
  { options, cleanup, vitalTimeoutMs, print }: RunOptions,
  perform: (testbed: Testbed) => Promise<T>,
): Promise<T & RunResult> {
  const logFolder = mkdtempSync(join(tmpdir(), "vital-gateway-chaos-"));
  cleanup.addFolder(logFolder);
  const closers: Closers = [];
  const startedAtMs = performance.now();
  try {
    const testbed = await startTestbed({ ...options, logFolder, cleanup, vitalTimeoutMs, print }, closers);
    const performed = await perform(testbed);
    const { unexpectedExits, stopProblems } = testbed;
    const logs = testbed.readLogs();
    const seconds = (performance.now() - startedAtMs) / 1000;
    return { ...performed, options, unexpectedExits, stopProblems, logs, logFolder, seconds };
  } catch (error) {
    cleanup.keepFolder(logFolder);
    print(`The run was aborted by an error. The logs of the processes are in ${logFolder}`);
    throw error;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}
