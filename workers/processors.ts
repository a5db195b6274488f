import type { AppUserId } from "../src/core/mapping/app-user-id.js";
import { withDeadline } from "../src/core/deadline.js";
import type { Deprovisioning } from "../src/core/provisioning/deprovisioning.js";
import { ServiceError } from "../src/core/errors.js";
import { jobFor, type ProvisioningJob, type Wake } from "../src/core/provisioning/jobs.js";
import type { Mapping } from "../src/core/mapping/mapping.js";
import type { Provisioning } from "../src/core/provisioning/provisioning.js";

/**
 * The longest that the work of one job may take, milliseconds. All that it waits for has a deadline of its own; this is
 * the guard for the case that one does not hold. What is cut off here goes on behind it, and is done again: that is
 * harmless, while a place among the jobs under way that never becomes free is not.
 */
const defaultLongestWorkMs = 60_000;

const toStuck = () =>
  new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 2_000, reason: "the work of a job did not end" });

/** What each job does; a job without a processor does not compile. */
export type Processors = Record<ProvisioningJob, (appUserId: AppUserId) => Promise<void>>;

export function processors({
  provisioning,
  deprovisioning,
  queue,
  longestWorkMs = defaultLongestWorkMs,
}: {
  provisioning: Provisioning;
  deprovisioning: Deprovisioning;
  queue: { wake: Wake };
  longestWorkMs?: number;
}): Processors {
  /** Work that ends where another job begins (signed up again during the deletion) hands over at once. */
  function handOver(job: ProvisioningJob, row: Mapping | null): void {
    const next = row === null ? null : jobFor[row.state];
    if (row !== null && next !== null && next !== job) queue.wake(next, row.appUserId);
  }

  const run: Record<ProvisioningJob, (appUserId: AppUserId) => Promise<Mapping | null>> = {
    "provision-user": (appUserId) => provisioning.provision(appUserId),
    "deprovision-user": deprovisioning.deprovision,
  };

  const toProcessor = (job: ProvisioningJob) => async (appUserId: AppUserId) => {
    handOver(job, await withDeadline(run[job](appUserId), longestWorkMs, toStuck));
  };

  return {
    "provision-user": toProcessor("provision-user"),
    "deprovision-user": toProcessor("deprovision-user"),
  };
}
