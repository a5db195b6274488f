import { expect, test } from "vitest";
import { createSlotShare, NoFreeSlotError } from "../../workers/slot-share.js";
import { createManualClock } from "../support/manual-clock.js";

/** Creates a share of two slots, and a job of it that ends when it is told to. */
function setUp() {
  const clock = createManualClock();
  const share = createSlotShare({ slots: 2, now: clock.now });
  const ends: (() => void)[] = [];
  const startJob = () => share.run(() => new Promise<void>((resolve) => void ends.push(resolve)));
  const refuse = async () => {
    const error = await share.run(() => Promise.resolve()).catch((reason: unknown) => reason);
    return error instanceof NoFreeSlotError ? error.retryAfterMs : null;
  };
  const endAll = () => {
    for (const end of ends.splice(0)) end();
  };
  return { clock, startJob, refuse, endAll };
}

test("jobs without a free slot are told different times, as far apart as the slots become free", async () => {
  const { clock, startJob, refuse, endAll } = setUp();
  const slow = [startJob(), startJob()];
  clock.advance(10_100);
  endAll();
  await Promise.all(slow);
  // The average of 100, 10,100 and 10,100 ms with a weight of one tenth.
  const averageMs = 100 + 1_000 + 900;
  const others = [startJob(), startJob()];
  expect(await Promise.all([refuse(), refuse(), refuse()])).toEqual(
    [1, 2, 3].map((turn) => (turn * averageMs) / 2),
  );
  clock.advance(averageMs);
  expect(await refuse()).toBe(averageMs);
  endAll();
  await Promise.all(others);
  expect(await refuse()).toBeNull();
});

test("no job is told to come back at once, or later than in fifteen seconds", async () => {
  const { startJob, refuse } = setUp();
  void startJob();
  void startJob();
  const waits = await Promise.all(Array.from({ length: 1_000 }, refuse));
  expect(waits[0]).toBe(250);
  expect(waits.at(-1)).toBe(15_000);
});
