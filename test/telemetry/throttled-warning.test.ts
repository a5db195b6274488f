import { expect, test } from "vitest";
import { createThrottledWarning } from "../../src/telemetry/throttled-warning.js";
import { createManualClock } from "../support/manual-clock.js";
import { createRecordingLog } from "../support/recording-log.js";

test("repeated errors are logged as one warning with the first reason until the quiet time has passed", () => {
  const clock = createManualClock();
  const { log, lines } = createRecordingLog();
  const warn = createThrottledWarning({ log, phrase: "Redis is down", now: clock.now, quietMs: 1_000 });
  warn(new Error("first"));
  clock.advance(999);
  warn(new Error("second"));
  clock.advance(1);
  warn("not an error");
  expect(lines).toEqual([
    { level: "warn", phrase: "Redis is down", fields: { reason: "first" } },
    { level: "warn", phrase: "Redis is down", fields: { reason: "unknown error" } },
  ]);
});
