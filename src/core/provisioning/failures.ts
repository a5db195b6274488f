import { ServiceError } from "../errors.js";
import type { DeletingMapping, PendingMapping } from "../mapping/mapping.js";
import { VitalError } from "../vital/vital-error.js";
import { jobFor, type ProvisioningJob } from "./jobs.js";

/** A job that did not reach its goal. It says why, and never about whom. */
export type ProvisioningFailure = {
  job: ProvisioningJob;
  code: string;
  reason: string;
  /** Status of Vital's response, when there was one. */
  status: number | undefined;
  /** Failed attempts on this app user, including this one. */
  attempts: number;
  /** Time since the signup or the deletion was requested, milliseconds. */
  ageMs: number;
  /** Whether this was an attempt. Otherwise the job has to wait, for example for Vital or for the store. */
  isAttempt: boolean;
};

/**
 * Describes why a job failed. Returns `null` for an error that is a bug: it is logged as one.
 */
export function toProvisioningFailure(
  mapping: PendingMapping | DeletingMapping,
  error: unknown,
  at: Date,
): ProvisioningFailure | null {
  const common = { job: jobFor[mapping.state], ageMs: at.getTime() - mapping.requestedAt.getTime() };
  if (error instanceof VitalError) {
    const { isAttempt, status, message: reason } = error;
    const attempts = mapping.attempts + (isAttempt ? 1 : 0);
    return { ...common, code: error.failure.code, reason, status, attempts, isAttempt };
  }
  if (!(error instanceof ServiceError)) return null;
  const reason = error.reason ?? error.message;
  return {
    ...common,
    code: error.code,
    reason,
    status: undefined,
    attempts: mapping.attempts,
    isAttempt: false,
  };
}
