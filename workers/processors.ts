import type { Clock } from "../src/core/clock.js";
import { withDeadline } from "../src/core/deadline.js";
import { ServiceError } from "../src/core/errors.js";
import type { AppUserId } from "../src/core/mapping/app-user-id.js";
import type { Mapping } from "../src/core/mapping/mapping.js";
import type { Deprovisioning } from "../src/core/provisioning/deprovisioning.js";
import { jobFor, type ProvisioningJob, type Wake } from "../src/core/provisioning/jobs.js";
import type { Provisioning } from "../src/core/provisioning/provisioning.js";
import { createSlotShare } from "./slot-share.js";

/**
 * The maximum run time of one job, milliseconds. Every call that a job waits for has a deadline; this limit covers the
 * case that such a deadline fails. The work of the job then continues in the background, and the next attempt repeats
 * it. Repeating it is harmless, but a job slot that never becomes free is not.
 */
const defaultMaxRunMs = 60_000;

/** The share of the job slots that deletions and repeated attempts may hold. */
const limitedShare = 0.8;

const toTimeoutError = () =>
  new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 2_000, reason: "a job timed out" });

/** The processor of each job. */
export type Processors = Record<ProvisioningJob, (appUserId: AppUserId) => Promise<void>>;

/**
 * Creates the processors of the queue `provisioning`. They reject with the errors of the core, or with a
 * `NoFreeSlotError`.
 *
 * Deletions and repeated attempts hold at most four fifths of the `concurrency` job slots. When Vital does not respond to
 * calls about some users, or to one kind of call, such jobs would otherwise hold all slots, and new signups would wait.
 */
export function createProcessors({
  mappings,
  provisioning,
  deprovisioning,
  queue,
  now,
  concurrency,
  maxRunMs = defaultMaxRunMs,
}: {
  mappings: { find(appUserId: AppUserId): Promise<Mapping | null> };
  provisioning: Provisioning;
  deprovisioning: Deprovisioning;
  queue: { wake: Wake };
  now: Clock;
  concurrency: number;
  maxRunMs?: number;
}): Processors {
  const share = createSlotShare({ slots: Math.max(1, Math.floor(concurrency * limitedShare)), now });

  const withinTime = (work: Promise<Mapping | null>) => withDeadline(work, maxRunMs, toTimeoutError);

  async function provision(appUserId: AppUserId): Promise<Mapping | null> {
    const seenAt = now();
    const seen = await withinTime(mappings.find(appUserId));
    const run = () => withinTime(provisioning.provision(appUserId, seen, seenAt));
    return seen?.state === "pending" && seen.attempts > 0 ? share.run(run) : run();
  }

  /** If the mapping now needs the other job, for example after a new signup during a deletion, enqueues that job. */
  function wakeNextJob(job: ProvisioningJob, mapping: Mapping | null): void {
    const next = mapping === null ? null : jobFor[mapping.state];
    if (mapping !== null && next !== null && next !== job) queue.wake(next, mapping.appUserId);
  }

  const run: Record<ProvisioningJob, (appUserId: AppUserId) => Promise<Mapping | null>> = {
    "provision-user": provision,
    "deprovision-user": (appUserId) => share.run(() => withinTime(deprovisioning.deprovision(appUserId))),
  };

  const toProcessor = (job: ProvisioningJob) => async (appUserId: AppUserId) => {
    wakeNextJob(job, await run[job](appUserId));
  };

  return {
    "provision-user": toProcessor("provision-user"),
    "deprovision-user": toProcessor("deprovision-user"),
  };
}
