import type { Random } from "../clock.js";

/** How attempts on one app user are spread over time. */
export const retryRules = {
  baseMs: 500,
  /** The longest wait: what is pending when Vital comes back is tried within this. */
  capMs: 20_000,
  /** A mapping that has been failing for longer is given to an operator. */
  maxAgeMs: 72 * 60 * 60 * 1000,
  /** Failures in a row that it takes besides: time spent waiting for a key or a window is no failure. */
  minAttempts: 20,
} as const;

/**
 * Exponential back-off with full jitter and a cap: milliseconds to wait after the given number of failed attempts
 * (1 or more). At least a fifth of the base, so that a lucky throw is no hot loop.
 */
export function retryDelayMs(attempts: number, random: Random): number {
  const ceiling = Math.min(retryRules.capMs, retryRules.baseMs * 2 ** (attempts - 1));
  return Math.round(Math.max(retryRules.baseMs / 5, random() * ceiling));
}
