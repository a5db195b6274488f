import type { Clock } from "../core/clock.js";
import { toReason, type Logger } from "./logger.js";

/**
 * Returns a function that logs an error as a warning and then ignores errors for `quietMs`. During an outage every
 * command fails, which should produce one line, not thousands.
 */
export function createThrottledWarning({
  log,
  phrase,
  now,
  quietMs = 30_000,
}: {
  log: Logger;
  phrase: string;
  now: Clock;
  quietMs?: number;
}): (error: unknown, fields?: object) => void {
  let loggedAtMs = 0;
  return (error, fields = {}) => {
    const nowMs = now().getTime();
    if (nowMs - loggedAtMs < quietMs) return;
    loggedAtMs = nowMs;
    log.warn({ reason: toReason(error), ...fields }, phrase);
  };
}
