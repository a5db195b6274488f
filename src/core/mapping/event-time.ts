/** How far a sender's clock may run ahead, milliseconds; also the tolerance for signature timestamps. */
export const clockToleranceMs = 5 * 60_000;

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;
/** Smaller numbers are seconds (until the year 5138), all others are milliseconds (from March 1973). */
const firstMillisecondNumber = 1e11;

function toTimeMs(value: unknown): number {
  if (typeof value === "number") return value < firstMillisecondNumber ? value * 1000 : value;
  if (typeof value !== "string" || !rfc3339.test(value)) return Number.NaN;
  return Date.parse(value.toUpperCase().replace(" ", "T"));
}

/**
 * Parses the time of an event: an RFC 3339 string, or a number of seconds or milliseconds since 1970. Returns the time
 * of arrival when the value is absent, and `null` when it is not a time.
 *
 * A time more than five minutes ahead becomes the time of arrival. Otherwise the event would outrank every event that
 * happens before that time.
 */
export function parseEventTime(value: unknown, arrivedAt: Date): Date | null {
  if (value === undefined || value === null) return arrivedAt;
  const at = new Date(toTimeMs(value));
  if (Number.isNaN(at.getTime())) return null;
  return at.getTime() > arrivedAt.getTime() + clockToleranceMs ? arrivedAt : at;
}
