import { expect, test } from "vitest";
import { ServiceError } from "../../src/core/errors.js";
import { VitalError } from "../../src/core/vital/vital-error.js";
import { toJobRetry } from "../../workers/retry-decision.js";

const vital = (kind: VitalError["kind"], details: { retryAfterMs?: number } = {}) =>
  toJobRetry(new VitalError(kind, "no", details));

test("what concerns everybody pauses the fleet for as long as Vital asks, or for a while", () => {
  for (const kind of ["throttled", "credentials_refused"] as const) {
    expect(vital(kind, { retryAfterMs: 30_000 })).toEqual({ type: "pause-fleet", durationMs: 30_000 });
    expect(vital(kind)).toEqual({ type: "pause-fleet", durationMs: 5_000 });
  }
});

test("what concerns one user or this process delays the job alone", () => {
  expect(vital("unavailable", { retryAfterMs: 700 })).toEqual({ type: "delay", delayMs: 700 });
  for (const [kind, mostMs] of [
    ["unavailable", 3_000],
    ["wrong_team", 90_000],
  ] as const) {
    const retry = vital(kind);
    expect(retry?.type).toBe("delay");
    const delayMs = retry?.type === "delay" ? retry.delayMs : 0;
    expect(delayMs).toBeGreaterThanOrEqual(mostMs / 3);
    expect(delayMs).toBeLessThanOrEqual(mostMs);
  }
  const storage = toJobRetry(new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 1_000 }));
  expect(storage?.type).toBe("delay");
});

test("a bug, or a refusal that stays one, is no matter of waiting", () => {
  expect(toJobRetry(new TypeError("a bug"))).toBeNull();
  expect(toJobRetry(new ServiceError("FORBIDDEN"))).toBeNull();
});
