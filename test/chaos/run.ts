import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Print } from "../../dev/embedded/server.js";
import type { CleanupProcess } from "./processes/cleanup.js";
import { countBugs } from "./verdict/log-files.js";
import type { ChaosOptions } from "./options.js";
import type { ProcessProblems } from "./report-counts.js";
import { startTestbed, type Closers, type Testbed } from "./testbed.js";

export type RunOptions = {
  options: ChaosOptions;
  cleanup: CleanupProcess;
  /** What the product waits for one call to Vital. */
  vitalTimeoutMs: number;
  say: Print;
};

/** What every kind of run has. */
export type RunResult = ProcessProblems & {
  options: ChaosOptions;
  logFolder: string;
  /** The whole run, start and stop included. */
  seconds: number;
};

/** Starts everything, lets `perform` do what it does with it, and stops everything. */
export async function runOnTestbed<T>(
  { options, cleanup, vitalTimeoutMs, say }: RunOptions,
  perform: (testbed: Testbed) => Promise<T>,
): Promise<T & RunResult> {
  const logFolder = mkdtempSync(join(tmpdir(), "vital-gateway-chaos-"));
  cleanup.addFolder(logFolder);
  const closers: Closers = [];
  const beganAtMs = performance.now();
  try {
    const testbed = await startTestbed({ ...options, logFolder, cleanup, vitalTimeoutMs, say }, closers);
    const performed = await perform(testbed);
    const { unexpectedExits, stopProblems } = testbed;
    const logs = testbed.readLogs();
    const seconds = (performance.now() - beganAtMs) / 1000;
    return {
      ...performed,
      options,
      unexpectedExits,
      stopProblems,
      logs,
      bugs: countBugs(logs),
      logFolder,
      seconds,
    };
  } catch (error) {
    cleanup.keepFolder(logFolder);
    say(`The run broke off. The logs are in ${logFolder}`);
    throw error;
  } finally {
    for (const { stop } of closers.reverse()) await stop();
  }
}
