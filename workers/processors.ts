import type { AppUserId } from "../src/core/app-user-id.js";
import type { Deprovisioning } from "../src/core/deprovisioning.js";
import { jobFor, type ProvisioningJob, type Wake } from "../src/core/jobs.js";
import type { Mapping } from "../src/core/mapping.js";
import type { Provisioning } from "../src/core/provisioning.js";

/** What each job does; a job without a processor does not compile. */
export type Processors = Record<ProvisioningJob, (appUserId: AppUserId) => Promise<void>>;

export function processors({
  provisioning,
  deprovisioning,
  queue,
}: {
  provisioning: Provisioning;
  deprovisioning: Deprovisioning;
  queue: { wake: Wake };
}): Processors {
  /** Work that ends where another job begins (signed up again during the deletion) hands over at once. */
  function handOver(job: ProvisioningJob, row: Mapping | null): void {
    const next = row === null ? null : jobFor[row.state];
    if (row !== null && next !== null && next !== job) queue.wake(next, row.appUserId);
  }

  return {
    async "provision-user"(appUserId) {
      handOver("provision-user", await provisioning.provision(appUserId));
    },
    async "deprovision-user"(appUserId) {
      handOver("deprovision-user", await deprovisioning.deprovision(appUserId));
    },
  };
}
