import { expect, test } from "vitest";
import { retryDelayMs, retryRules } from "../../../src/core/provisioning/retry.js";

const most = () => 0.999_999;
const least = () => 0;

test("the longest delay doubles after each failed attempt, up to the cap", () => {
  const ceilings = [1, 2, 3, 4, 5, 6, 7, 8].map((attempts) => retryDelayMs(attempts, most));
  expect(ceilings).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
});

test("a user who keeps failing is tried less and less often, but at least every five minutes", () => {
  const ceilings = [12, 13, 14, 15, 16, 17, 1_000].map((attempts) => retryDelayMs(attempts, most));
  expect(ceilings).toEqual([20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
});

test("delays are spread over the whole range, but are never zero", () => {
  expect(retryDelayMs(5, () => 0.5)).toBe(4_000);
  for (const attempts of [1, 5, 20]) expect(retryDelayMs(attempts, least)).toBe(retryRules.baseMs / 5);
});

test("the delay stays within bounds after any number of attempts", () => {
  for (const attempts of [1, 100, 10_000, Number.MAX_SAFE_INTEGER]) {
    expect(retryDelayMs(attempts, most)).toBeLessThanOrEqual(retryRules.maxCapMs);
    expect(retryDelayMs(attempts, most)).toBeGreaterThan(0);
  }
});
