/** The outcome of parsing a date field: the date as `YYYY-MM-DD`, or Pydantic's type, message and context. */
type ParsedDate = { date: string } | { problem: { type: string; msg: string; ctx?: { error: string } } };

const dayMs = 24 * 3_600_000;
/** Pydantic reads a larger number as milliseconds, a smaller one as seconds. */
const secondsWatershed = 2e10;

const invalid = (error: string): ParsedDate => ({
  problem: {
    type: "date_from_datetime_parsing",
    msg: `Input should be a valid date or datetime, ${error}`,
    ctx: { error },
  },
});
const inexact: ParsedDate = {
  problem: {
    type: "date_from_datetime_inexact",
    msg: "Datetimes provided to dates should have zero time - e.g. be exact dates",
  },
};
const yearZero = "year 0 is out of range";

function parseTimestamp(value: number): ParsedDate {
  const ms = Math.abs(value) > secondsWatershed ? value : value * 1000;
  if (ms % dayMs !== 0 || Math.abs(ms) > 8.64e15) return inexact;
  return { date: new Date(ms).toISOString().slice(0, 10) };
}

const toLastDay = (year: number, month: number) => {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
};

/** Returns the problem of the first ten characters; `null` when they are a date. */
function findDateProblem(text: string): string | null {
  const isNumber = (part: string) => /^\d+$/.test(part);
  const [year, month, day] = [text.slice(0, 4), text.slice(5, 7), text.slice(8, 10)];
  const separator = "invalid date separator, expected `-`";
  if (Buffer.byteLength(text) < 10) return "input is too short";
  if (!isNumber(year)) return "invalid character in year";
  if (text[4] !== "-") return separator;
  if (!isNumber(month)) return "invalid character in month";
  if (text[7] !== "-") return separator;
  if (!isNumber(day)) return "invalid character in day";
  if (Number(month) < 1 || Number(month) > 12) return "month value is outside expected range of 1-12";
  const isInMonth = Number(day) >= 1 && Number(day) <= toLastDay(Number(year), Number(month));
  return isInMonth ? null : "day value is outside expected range";
}

const timePattern =
  /^(?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d)(?:[.,]\d{1,9})?)?(?:z|[+-]\d\d:?\d\d)?$/i;

function parseTime(date: string, rest: string): ParsedDate {
  if (!/^[Tt_ ]/.test(rest)) return invalid("invalid datetime separator, expected `T`, `t`, `_` or space");
  if (/^\D|^.\D/.test(rest.slice(1))) return invalid("invalid character in hour");
  const match = timePattern.exec(rest.slice(1));
  if (match === null) {
    return invalid(
      rest.length < 6 ? "input is too short" : "unexpected extra characters at the end of the input",
    );
  }
  const { hour, minute, second = "0" } = match.groups ?? {};
  if (Number(hour) > 23) return invalid("hour value is outside expected range of 0-23");
  if (Number(minute) > 59) return invalid("minute value is outside expected range of 0-59");
  if (Number(second) > 59) return invalid("second value is outside expected range of 0-59");
  return /[1-9]/.test(rest.slice(1, 16).replace(/(?:z|[+-]\d\d:?\d\d)$/i, "")) ? inexact : { date };
}

/**
 * Parses text as a Pydantic v2 date field does (compared with Pydantic 2 itself): a date, a datetime at midnight, or a
 * Unix time at midnight.
 */
export function parseDate(text: string): ParsedDate {
  if (/^[+-]?\d{1,19}(?:\.\d+)?$/.test(text)) return parseTimestamp(Number(text));
  const problem = findDateProblem(text);
  if (problem !== null) return invalid(problem);
  const date = text.slice(0, 10);
  if (date.startsWith("0000")) {
    const msg = `Input should be a valid date in the format YYYY-MM-DD, ${yearZero}`;
    return { problem: { type: "date_parsing", msg, ctx: { error: yearZero } } };
  }
  return text.length === 10 ? { date } : parseTime(date, text.slice(10));
}
