import { expect, test } from "vitest";

import { parseDate } from "../../simulator/date-field.js";

test.each([
  ["2026-01-01", "2026-01-01"],
  ["0001-01-01", "0001-01-01"],
  ["2024-02-29", "2024-02-29"],
  ["2000-02-29", "2000-02-29"],
  ["2026-01-01T00:00:00Z", "2026-01-01"],
  ["2026-01-01T00:00:00.000Z", "2026-01-01"],
  ["2026-01-01T00:00:00+02:00", "2026-01-01"],
  ["2026-01-01 00:00", "2026-01-01"],
  ["1735689600", "2025-01-01"],
  ["1735689600000", "2025-01-01"],
  ["86400", "1970-01-02"],
  ["-86400", "1969-12-31"],
])("%s is the date %s", (text, date) => {
  expect(parseDate(text)).toEqual({ date });
});

test.each([
  ["", "input is too short"],
  ["yesterday", "input is too short"],
  ["2026-1-1", "input is too short"],
  ["2026-0101", "input is too short"],
  ["2026-01-01 ", "input is too short"],
  ["2026-01-01T", "input is too short"],
  ["2026-01-01T00", "input is too short"],
  ["tomorrow!!", "invalid character in year"],
  ["01/02/2026", "invalid character in year"],
  ["  2026-01-01", "invalid character in year"],
  ["20é6-01-01", "invalid character in year"],
  ["2026/01/01", "invalid date separator, expected `-`"],
  ["2026-x1-01", "invalid character in month"],
  ["2026-01-x1", "invalid character in day"],
  ["2026-13-01", "month value is outside expected range of 1-12"],
  ["2026-00-01", "month value is outside expected range of 1-12"],
  ["2026-02-30", "day value is outside expected range"],
  ["1900-02-29", "day value is outside expected range"],
  ["2026-04-31", "day value is outside expected range"],
  ["2026-01-01x", "invalid datetime separator, expected `T`, `t`, `_` or space"],
  ["2026-01-01Tabcde", "invalid character in hour"],
  ["2026-01-01T25:00:00", "hour value is outside expected range of 0-23"],
  ["2026-01-01T00:60", "minute value is outside expected range of 0-59"],
])("%j is rejected as Pydantic rejects it: %s", (text, error) => {
  expect(parseDate(text)).toEqual({
    problem: {
      type: "date_from_datetime_parsing",
      msg: `Input should be a valid date or datetime, ${error}`,
      ctx: { error },
    },
  });
});

test.each(["2026", "20260101", "-1", "86400.5", "2026-01-01T10:00:00Z", "2026-01-01T00:00:00.5"])(
  "%s is a time within a day, not a date",
  (text) => {
    expect(parseDate(text)).toEqual({
      problem: {
        type: "date_from_datetime_inexact",
        msg: "Datetimes provided to dates should have zero time - e.g. be exact dates",
      },
    });
  },
);

test("there is no year zero", () => {
  expect(parseDate("0000-01-01")).toMatchObject({
    problem: { type: "date_parsing", ctx: { error: "year 0 is out of range" } },
  });
});
