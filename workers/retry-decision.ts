import { ServiceError } from "../src/core/errors.js";
import { VitalError } from "../src/core/vital/vital-error.js";
import type { JobRetry } from "./job-worker.js";
import { NoFreeSlotError } from "./slot-share.js";

/** How long a job waits after a `ServiceError` without a retry time, milliseconds. */
const defaultDelayMs = 2_000;

const addJitter = (durationMs: number) => Math.round(durationMs * (0.5 + Math.random()));

/**
 * Returns how a job that failed with this error is retried, or `null` for a bug or a permanent error. A failure that
 * affects every process (Vital asks for a pause, or rejects our key) pauses the fleet. A failure that affects this
 * process or this user delays the job.
 */
export function toJobRetry(error: unknown): JobRetry | null {
  if (error instanceof VitalError) {
    const { pausesFleet, jobWaitMs } = error.failure;
    if (pausesFleet) return { type: "pause-fleet", durationMs: error.retryAfterMs ?? jobWaitMs };
    return { type: "delay", delayMs: error.retryAfterMs ?? addJitter(jobWaitMs) };
  }
  if (error instanceof NoFreeSlotError) return { type: "delay", delayMs: error.retryAfterMs };
  if (error instanceof ServiceError && error.retryable) {
    return { type: "delay", delayMs: addJitter(error.retryAfterMs ?? defaultDelayMs) };
  }
  return null;
}
