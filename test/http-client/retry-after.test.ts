import { describe, expect, test } from "vitest";
import { parseRetryAfterMs } from "../../src/http-client/retry-after.js";

const now = new Date("2026-11-06T08:49:00Z");

describe("Retry-After", () => {
  const cases: [string, string | string[] | undefined, number | undefined][] = [
    ["absent", undefined, undefined],
    ["seconds", "7", 7_000],
    ["zero", "0", 0],
    ["a day in seconds, capped at ten minutes", "86400", 600_000],
    ["more seconds than a number holds", "9".repeat(400), 600_000],
    ["an IMF-fixdate", "Fri, 06 Nov 2026 08:49:37 GMT", 37_000],
    ["an RFC 850 date", "Friday, 06-Nov-26 08:49:37 GMT", 37_000],
    ["an asctime date, which means UTC", "Fri Nov  6 08:49:37 2026", 37_000],
    ["a date in the past", "Thu, 05 Nov 2026 08:49:37 GMT", 0],
    ["a date far in the future", "Sat, 06 Nov 2027 08:49:37 GMT", 600_000],
    ["an empty value", "", undefined],
    ["a negative number", "-5", undefined],
    ["a float", "1.5", undefined],
    ["an exponent", "1e3", undefined],
    ["a number with a unit", "5s", undefined],
    ["a list", "120, 60", undefined],
    ["a repeated header, whose first value counts", ["3", "60"], 3_000],
    ["an empty array", [], undefined],
    ["an ISO 8601 date", "2026-11-06T08:49:37Z", undefined],
    ["a year", "2027-", undefined],
    ["a day name without a date", "Friday", undefined],
    ["a day name and a number", "fri 5", undefined],
    ["a day name and no real date", "Fri, 99 Foo 2026 08:49:37 GMT", undefined],
    ["words", "soon", undefined],
  ];
  test.each(cases)("%s", (_name, value, waitMs) => {
    expect(parseRetryAfterMs({ "retry-after": value }, now)).toBe(waitMs);
  });
});

test("another header counts only when the caller names it and Retry-After is absent", () => {
  const reset = { "x-ratelimit-reset": "3" };
  expect(parseRetryAfterMs(reset, now)).toBeUndefined();
  expect(parseRetryAfterMs(reset, now, "x-ratelimit-reset")).toBe(3_000);
  expect(parseRetryAfterMs({ ...reset, "retry-after": "2" }, now, "x-ratelimit-reset")).toBe(2_000);
});
