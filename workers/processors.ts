import { withDeadline } from "../src/core/deadline.js";
import { ServiceError } from "../src/core/errors.js";
import type { AppUserId } from "../src/core/mapping/app-user-id.js";
import type { Mapping } from "../src/core/mapping/mapping.js";
import type { Deprovisioning } from "../src/core/provisioning/deprovisioning.js";
import { jobFor, type ProvisioningJob, type Wake } from "../src/core/provisioning/jobs.js";
import type { Provisioning } from "../src/core/provisioning/provisioning.js";

/**
 * The maximum run time of one job, milliseconds. Every call that a job waits for has a deadline; this limit covers the
 * case that such a deadline fails. The work of the job then continues in the background, and the next attempt repeats
 * it. Repeating it is harmless, but a job slot that never becomes free is not.
 */
const defaultMaxRunMs = 60_000;

const toTimeoutError = () =>
  new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 2_000, reason: "a job timed out" });

/** The processor of each job. */
export type Processors = Record<ProvisioningJob, (appUserId: AppUserId) => Promise<void>>;

/** Creates the processors of the queue `provisioning`. They reject with the errors of the core. */
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
  /** If the mapping now needs the other job, for example after a new signup during a deletion, enqueues that job. */
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
