import type { AppUserId } from "../mapping/app-user-id.js";
import type { MappingState } from "../mapping/mapping.js";

/** The jobs of the `provisioning` queue. Their data is the app user id alone: all else is read when they run. */
export type ProvisioningJob = "provision-user" | "deprovision-user";

/**
 * Asks some worker to look at an app user soon. A wake-up signal may be lost: the row in the store is the outbox, and
 * a sweeper comes back to it. So it neither throws nor waits.
 */
export type Wake = (job: ProvisioningJob, appUserId: AppUserId) => void;

/** What a mapping in this state is waiting for. */
export const jobFor: Record<MappingState, ProvisioningJob | null> = {
  pending: "provision-user",
  deleting: "deprovision-user",
  active: null,
  failed: null,
  deleted: null,
};
