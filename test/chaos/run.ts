import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Say } from "../../dev/embedded/server.js";
import type { Guard } from "./processes/cleanup.js";
import { countBugs } from "./verdict/log-files.js";
import type { ChaosOptions } from "./options.js";
import type { ProcessFindings } from "./report.js";
import { startScene, type Opened, type Scene } from "./testbed.js";

export type RunOptions = {
  options: ChaosOptions;
  guard: Guard;
  /** What the product waits for one call to Vital. */
  vitalTimeoutMs: number;
  say: Say;
};

/** What every kind of run has. */
export type RunResult = ProcessFindings & {
  options: ChaosOptions;
  logFolder: string;
  /** The whole run, start and stop included. */
  seconds: number;
};

/** Starts everything, lets `perform` do what it does with it, and stops everything. */
export async function runScene<T>(
  { options, guard, vitalTimeoutMs, say }: RunOptions,
  perform: (scene: Scene) => Promise<T>,
): Promise<T & RunResult> {
  const logFolder = mkdtempSync(join(tmpdir(), "vital-gateway-chaos-"));
  guard.folder(logFolder);
  const opened: Opened = [];
  const beganAtMs = performance.now();
  try {
    const scene = await startScene({ ...options, logFolder, guard, vitalTimeoutMs, say }, opened);
    const performed = await perform(scene);
    const { unaskedEnds, badStops } = scene;
    const logs = scene.readLogs();
    const seconds = (performance.now() - beganAtMs) / 1000;
    return { ...performed, options, unaskedEnds, badStops, logs, bugs: countBugs(logs), logFolder, seconds };
  } catch (error) {
    guard.keep(logFolder);
    say(`The run broke off. The logs are in ${logFolder}`);
    throw error;
  } finally {
    for (const { stop } of opened.reverse()) await stop();
  }
}
