import { after, type Clock, type Random } from "../clock.js";
import type { DeletingMapping, PendingMapping } from "../mapping/mapping.js";
import type { MappingWriter } from "../mapping/mapping-writer.js";
import { retryDelayMs } from "./retry.js";
import { VitalError } from "../vital/vital-error.js";

/**
 * Makes the one way of putting off a row whose attempt failed in a way that may pass: the failure is written to the
 * row, a sweeper comes `sweepMarginMs` after the next attempt is due, and the caller is told when that is.
 *
 * @throws VitalError `unavailable`, always, with the time to wait
 */
export const createPostponing =
  ({ writer, now, random }: { writer: MappingWriter; now: Clock; random: Random }) =>
  async (row: PendingMapping | DeletingMapping, error: VitalError, sweepMarginMs: number): Promise<never> => {
    const { appUserId, generation, attempts } = row;
    const { message } = error;
    const delayMs = retryDelayMs(attempts + 1, random);
    const nextSweepAt = after(now(), delayMs + sweepMarginMs);
    await writer.apply(
      appUserId,
      { type: "postponed", code: "VITAL_UNAVAILABLE", message, generation, nextSweepAt },
      row,
    );
    throw new VitalError("unavailable", message, { retryAfterMs: delayMs, cause: error });
  };
