import type { HttpHeaders } from "./send-request.js";

/** The longest wait that a response can impose on us, milliseconds. */
const maxRetryAfterMs = 10 * 60_000;

const seconds = /^\d+$/;
/** A day name and a time. Without this check `Date.parse` would also accept "-5" and "1.5". */
const httpDate = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? .*\d{2}:\d{2}:\d{2}/i;
/** The `asctime` format names no zone and means UTC. */
const asctime = /^[a-z]{3} [a-z]{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/i;

function parseWaitMs(value: string | undefined, now: Date): number | undefined {
  if (value === undefined) return undefined;
  if (seconds.test(value)) return Number(value) * 1000;
  if (!httpDate.test(value)) return undefined;
  const atMs = Date.parse(asctime.test(value) ? `${value} GMT` : value);
  return Number.isNaN(atMs) ? undefined : atMs - now.getTime();
}

/**
 * Returns how long a response asks the caller to wait, from 0 to 10 minutes in milliseconds, or `undefined` when it
 * does not say. Reads `Retry-After` as seconds or as an HTTP date (RFC 9110 §10.2.3, obsolete date formats included).
 *
 * @param alternativeHeader another header with the same meaning, in lower case, for when `Retry-After` is absent
 */
export function parseRetryAfterMs(
  headers: HttpHeaders,
  now: Date,
  alternativeHeader = "retry-after",
): number | undefined {
  const header = headers["retry-after"] ?? headers[alternativeHeader];
  const waitMs = parseWaitMs([header].flat()[0], now);
  return waitMs === undefined ? undefined : Math.min(Math.max(waitMs, 0), maxRetryAfterMs);
}
