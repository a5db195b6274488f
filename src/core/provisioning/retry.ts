import { after, type Clock, type Random } from "../clock.js";
import type { DeletingMapping, PendingMapping } from "../mapping/mapping.js";
import type { MappingWriter } from "../mapping/mapping-writer.js";
import { VitalError } from "../vital/vital-error.js";

/** The delays and limits of the attempts on one app user. */
export const retryRules = {
  baseMs: 500,
  /**
   * The longest wait at first. When Vital is available again, every mapping is tried within this time: a call that fails
   * while Vital as a whole is failing is no attempt.
   */
  capMs: 20_000,
  /** After more failed attempts, the longest wait grows, so that users who always fail do not keep the workers busy. */
  attemptsBeforeGrowth: 12,
  maxCapMs: 5 * 60_000,
  /** A mapping that has been pending for longer becomes `failed` at the first failure after `minAttempts` attempts. */
  maxAgeMs: 72 * 60 * 60 * 1000,
  /** See `maxAgeMs`. Waiting for Vital's rate limit or for another API key is not a failed attempt. */
  minAttempts: 20,
} as const;

/** Returns the longest wait after this many failed attempts, milliseconds. */
function toCeilingMs(attempts: number): number {
  const { baseMs, capMs, maxCapMs, attemptsBeforeGrowth } = retryRules;
  const ceilingMs = Math.min(capMs, baseMs * 2 ** (attempts - 1));
  return attempts <= attemptsBeforeGrowth
    ? ceilingMs
    : Math.min(maxCapMs, ceilingMs * 2 ** (attempts - attemptsBeforeGrowth));
}

/**
 * Exponential backoff with full jitter and a cap: returns how long to wait after this many failed attempts (1 or more),
 * milliseconds. The result is at least a fifth of the base, so that a small random number does not cause a hot loop.
 */
export function retryDelayMs(attempts: number, random: Random): number {
  return Math.round(Math.max(retryRules.baseMs / 5, random() * toCeilingMs(attempts)));
}

/**
 * Creates the function that postpones a mapping after a failed attempt: it writes the failure to the mapping, makes the
 * mapping due for a sweeper `sweepMarginMs` after the next attempt, and throws an error with the delay.
 *
 * @throws VitalError `unavailable`, always, with the delay in `retryAfterMs`
 */
export const createPostpone =
  ({ writer, now, random }: { writer: MappingWriter; now: Clock; random: Random }) =>
  async (
    mapping: PendingMapping | DeletingMapping,
    error: VitalError,
    sweepMarginMs: number,
  ): Promise<never> => {
    const { appUserId, generation, attempts } = mapping;
    const { message } = error;
    const delayMs = retryDelayMs(attempts + 1, random);
    const nextSweepAt = after(now(), delayMs + sweepMarginMs);
    await writer.apply(
      appUserId,
      { type: "postponed", code: error.failure.code, message, generation, nextSweepAt },
      mapping,
    );
    throw new VitalError("unavailable", message, { retryAfterMs: delayMs, cause: error });
  };
