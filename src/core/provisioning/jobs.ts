import type { AppUserId } from "../mapping/app-user-id.js";
import type { MappingState } from "../mapping/mapping.js";

/** The jobs of the `provisioning` queue. Their data is only the app user id: they read everything else when they run. */
export type ProvisioningJob = "provision-user" | "deprovision-user";

/**
 * Asks a worker to process an app user soon. A wake-up signal may be lost: the stored mapping is the outbox, and a
 * sweeper finds it when it is due. So `Wake` neither throws nor waits.
 */
export type Wake = (job: ProvisioningJob, appUserId: AppUserId) => void;

/** The job that a mapping in each state is waiting for. */
export const jobFor = {
  pending: "provision-user",
  deleting: "deprovision-user",
  active: null,
  failed: null,
  deleted: null,
} as const satisfies Record<MappingState, ProvisioningJob | null>;
