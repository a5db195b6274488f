import { withDeadline } from "../src/core/deadline.js";
import { ServiceError } from "../src/core/errors.js";
import type { AppUserId } from "../src/core/mapping/app-user-id.js";
import type { Mapping } from "../src/core/mapping/mapping.js";
import type { Deprovisioning } from "../src/core/provisioning/deprovisioning.js";
import { jobFor, type ProvisioningJob, type Wake } from "../src/core/provisioning/jobs.js";
import type { Provisioning } from "../src/core/provisioning/provisioning.js";

/**
 * The longest that one job may run, milliseconds. Everything it waits for has a deadline; this one guards against a
 * deadline that does not hold. The work that is cut off here continues in the background and is done again by the next
 * attempt. That is harmless; a job slot that never becomes free is not.
 */
const defaultMaxRunMs = 60_000;

const toTimeoutError = () =>
  new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 2_000, reason: "a job timed out" });

/** What each job does. A job without a processor does not compile. */
export type Processors = Record<ProvisioningJob, (appUserId: AppUserId) => Promise<void>>;

/** Creates the processors of the queue `provisioning`; they reject with what the core throws. */
export function createProcessors({
  provisioning,
  deprovisioning,
  queue,
  maxRunMs = defaultMaxRunMs,
}: {
  provisioning: Provisioning;
  deprovisioning: Deprovisioning;
  queue: { wake: Wake };
  maxRunMs?: number;
}): Processors {
  /** When a job leaves the mapping waiting for the other job (signed up again during the deletion), wakes that one. */
  function wakeNextJob(job: ProvisioningJob, mapping: Mapping | null): void {
    const next = mapping === null ? null : jobFor[mapping.state];
    if (mapping !== null && next !== null && next !== job) queue.wake(next, mapping.appUserId);
  }

  const run: Record<ProvisioningJob, (appUserId: AppUserId) => Promise<Mapping | null>> = {
    "provision-user": (appUserId) => provisioning.provision(appUserId),
    "deprovision-user": deprovisioning.deprovision,
  };

  const toProcessor = (job: ProvisioningJob) => async (appUserId: AppUserId) => {
    wakeNextJob(job, await withDeadline(run[job](appUserId), maxRunMs, toTimeoutError));
  };

  return {
    "provision-user": toProcessor("provision-user"),
    "deprovision-user": toProcessor("deprovision-user"),
  };
}
