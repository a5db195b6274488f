import { ServiceError } from "../src/core/errors.js";
import { VitalError } from "../src/core/vital/vital-api.js";
import type { JobRetry } from "./job-worker.js";

/** Waits where nobody says how long, milliseconds. */
const defaultDelayMs = 2_000;
const defaultPauseMs = 5_000;
/** Nothing but another key, and so another process, helps against this. */
const wrongTeamDelayMs = 60_000;

const spread = (durationMs: number) => Math.round(durationMs * (0.5 + Math.random()));

/**
 * Says what becomes of a job from the error of its work, or `null` for a bug. What concerns everybody (Vital asks to
 * wait, or refuses our key) pauses the fleet; what concerns this process or this user delays the job.
 */
export function toJobRetry(error: unknown): JobRetry | null {
  if (error instanceof VitalError) {
    const concernsAll = error.kind === "throttled" || error.kind === "credentials_refused";
    if (concernsAll) return { type: "pause-fleet", durationMs: error.retryAfterMs ?? defaultPauseMs };
    const delayMs = error.kind === "wrong_team" ? wrongTeamDelayMs : defaultDelayMs;
    return { type: "delay", delayMs: error.retryAfterMs ?? spread(delayMs) };
  }
  if (error instanceof ServiceError && error.retryable) {
    return { type: "delay", delayMs: spread(error.retryAfterMs ?? defaultDelayMs) };
  }
  return null;
}
