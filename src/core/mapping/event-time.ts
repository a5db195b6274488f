/** As far as a sender's clock may run ahead of ours; also the tolerance for signatures. */
export const clockToleranceMs = 5 * 60_000;

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;
/** Below it a number counts seconds (until the year 5138), from it on milliseconds (since March 1973). */
const firstMillisecondNumber = 1e11;

function toTimeMs(value: unknown): number {
  if (typeof value === "number") return value < firstMillisecondNumber ? value * 1000 : value;
  if (typeof value !== "string" || !rfc3339.test(value)) return Number.NaN;
  return Date.parse(value.toUpperCase().replace(" ", "T"));
}

/**
 * The instant of an event: an RFC 3339 string, or a number of seconds or milliseconds since 1970. An absent one is the
 * time of arrival. Gives `null` when it is neither.
 *
 * A time more than five minutes ahead is taken as the time of arrival: kept as it is, it would outrank every event
 * that comes after it, for as long as the sender's clock was wrong.
 */
export function parseEventTime(value: unknown, arrivedAt: Date): Date | null {
  if (value === undefined || value === null) return arrivedAt;
  const at = new Date(toTimeMs(value));
  if (Number.isNaN(at.getTime())) return null;
  return at.getTime() > arrivedAt.getTime() + clockToleranceMs ? arrivedAt : at;
}
