import { expect, test } from "vitest";
import { ServiceError } from "../../src/core/errors.js";
import { VitalError } from "../../src/core/vital/vital-error.js";
import { toJobRetry } from "../../workers/retry-decision.js";

const vital = (kind: VitalError["kind"], details: { retryAfterMs?: number } = {}) =>
  toJobRetry(new VitalError(kind, "no", details));

test("a failure that affects every process pauses the fleet for as long as Vital asks, or for a default time", () => {
  for (const kind of ["throttled", "credentials_refused"] as const) {
    expect(vital(kind, { retryAfterMs: 30_000 })).toEqual({ type: "pause-fleet", durationMs: 30_000 });
    expect(vital(kind)).toEqual({ type: "pause-fleet", durationMs: 5_000 });
  }
});

test("a failure that affects one user or this process delays only the job", () => {
  expect(vital("unavailable", { retryAfterMs: 700 })).toEqual({ type: "delay", delayMs: 700 });
  for (const [kind, maxMs] of [
    ["unavailable", 3_000],
    ["wrong_team", 90_000],
  ] as const) {
    const retry = vital(kind);
    expect(retry?.type).toBe("delay");
    const delayMs = retry?.type === "delay" ? retry.delayMs : 0;
    expect(delayMs).toBeGreaterThanOrEqual(maxMs / 3);
    expect(delayMs).toBeLessThanOrEqual(maxMs);
  }
  const storage = toJobRetry(new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 1_000 }));
  expect(storage?.type).toBe("delay");
});

test("a bug or a permanent error neither delays the job nor pauses the fleet", () => {
  expect(toJobRetry(new TypeError("a bug"))).toBeNull();
  expect(toJobRetry(new ServiceError("FORBIDDEN"))).toBeNull();
});
