import { expect, test } from "vitest";
import { createEventClocks } from "../../src/telemetry/event-clocks.js";
import { createManualClock } from "../support/manual-clock.js";
import { createRecordingLog } from "../support/recording-log.js";

function start() {
  const clock = createManualClock();
  const { log, lines } = createRecordingLog();
  const counted: string[] = [];
  const metrics = {
    eventAhead: (source: string) => void counted.push(source),
    deletionBlocked: () => void counted.push("blocked"),
  };
  const clocks = createEventClocks({ log, metrics, now: clock.now });
  const ahead = (seconds: number) => ({ occurredAt: new Date(clock.now().getTime() + seconds * 1000) });
  return { clock, lines, counted, clocks, ahead };
}

test("a source whose clock is ahead is counted for every event, and logged once in ten minutes", () => {
  const { clock, lines, counted, clocks, ahead } = start();
  for (const source of ["own", "own", "queue"]) clocks.check(source, ahead(7200));
  expect(counted).toEqual(["own", "own", "queue"]);
  expect(lines).toMatchObject([
    { level: "warn", fields: { source: "own", aheadSeconds: 7200 } },
    { level: "warn", fields: { source: "queue", aheadSeconds: 7200 } },
  ]);
  clock.advance(600_000);
  clocks.check("own", ahead(7200));
  expect(lines).toHaveLength(3);
});

test("a clock that is off by less than five minutes is not reported", () => {
  const { lines, counted, clocks, ahead } = start();
  for (const seconds of [-7200, 0, 299]) clocks.check("own", ahead(seconds));
  expect([counted, lines]).toEqual([[], []]);
});

test("a deletion without effect is logged with the key by which the user is found, not with the user's id", () => {
  const { lines, counted, clocks } = start();
  clocks.deletionBlocked({ key: "abc" });
  expect(counted).toEqual(["blocked"]);
  expect(lines).toMatchObject([{ level: "warn", fields: { eventKey: "abc" } }]);
});
