/** How far a sender's clock may be off before it is reported, milliseconds; also the tolerance for signature timestamps. */
export const clockToleranceMs = 5 * 60_000;

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/**
 * The units of a number, by the first number that has the unit: seconds until the year 5138, and milliseconds,
 * microseconds and nanoseconds from March 1973 until the year 5138.
 */
const units = [
  { from: 1e17, perMs: 1e6 },
  { from: 1e14, perMs: 1e3 },
  { from: 1e11, perMs: 1 },
  { from: -Infinity, perMs: 1e-3 },
] as const;

/** Whether the month of a date has its day. `Date.parse` reads February 30 as March 2. */
const isExistingDay = (date: string): boolean =>
  Number(date.slice(8)) <= 28 || new Date(`${date}T00:00:00Z`).getUTCDate() === Number(date.slice(8));

function toTimeMs(value: unknown): number {
  if (typeof value === "number") {
    const unit = units.find(({ from }) => value >= from);
    return unit === undefined ? Number.NaN : Math.floor(value / unit.perMs);
  }
  if (typeof value !== "string" || !rfc3339.test(value) || !isExistingDay(value.slice(0, 10)))
    return Number.NaN;
  return Date.parse(value.toUpperCase().replace(" ", "T"));
}

/** Whether a message contains no time at all. The event then happened when it arrived for the first time. */
export const isAbsentTime = (value: unknown): value is null | undefined =>
  value === undefined || value === null;

/**
 * Parses the time of an event: an RFC 3339 string, or a number of seconds, milliseconds, microseconds or nanoseconds
 * since 1970. Returns `null` when the value is not a time.
 *
 * The result is the time by the sender's clock, even if that clock is wrong: order rests on it, so it must be the same
 * for every delivery of the event, whenever that delivery arrives.
 */
export function parseEventTime(value: unknown): Date | null {
  const at = new Date(toTimeMs(value));
  return Number.isNaN(at.getTime()) ? null : at;
}

/** Whether a time is so far ahead of `now` that the clock of its sender must be wrong. */
export const isAhead = (at: Date, now: Date): boolean => at.getTime() > now.getTime() + clockToleranceMs;
