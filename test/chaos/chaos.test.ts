import { expect, onTestFinished, test } from "vitest";
import { removeLogs, runChaos } from "./run.js";
import { toCounts, toText } from "./report.js";

/** Long enough for a dozen faults; most of the rest is the wait until deletions are final. */
const short = { signups: 150, workers: 2, gateways: 2, seconds: 10, seed: 683, keepLogs: false, json: false };

test("whatever is killed, frozen, flushed and cut off: nothing is lost, doubled, mixed up or left behind", async () => {
  const run = await runChaos(short, () => undefined);
  onTestFinished(() => {
    removeLogs(run);
  });
  const notZero = Object.entries(toCounts(run)).filter(([, count]) => count > 0);
  expect(notZero, toText(run)).toEqual([]);
}, 150_000);
