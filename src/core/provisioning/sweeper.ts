import type { AppUserId } from "../mapping/app-user-id.js";
import { after, type Clock, type Random } from "../clock.js";
import { jobFor, type ProvisioningJob } from "./jobs.js";
import type { DeletingMapping, PendingMapping } from "../mapping/mapping.js";
import type { MappingStore } from "../mapping/mapping-writer.js";

export type DueMapping = PendingMapping | DeletingMapping;

export const sweeperRules = {
  /** The most mappings that one round claims. The others wait for the next round. */
  batchSize: 500,
  /** How long a claimed mapping is not due again: at first, and at most. */
  minClaimMs: 10_000,
  maxClaimMs: 20_000,
  /** The most jobs that the sweeper runs itself at the same time. */
  directConcurrency: 10,
} as const;

/** After this many sweeps without an attempt, the sweeper no longer relies on the queue for this mapping. */
const directAfterSweeps = 2;

/**
 * Finds every mapping that is due, even when its job was lost. Every worker runs one sweeper, without a leader: a
 * sweeper claims a mapping by the compare-and-set that moves its `nextSweepAt` forward.
 *
 * The sweeper enqueues the mapping again. When that fails (the queue is unavailable), or when it has not helped before
 * (a frozen worker holds the job), the sweeper runs the job itself, for a few mappings at a time.
 */
export function createSweeper({
  mappings,
  queue,
  runJob,
  now,
  random,
  onReenqueued = () => undefined,
}: {
  mappings: Pick<MappingStore, "replace"> & {
    listDue(at: Date, limit: number): Promise<readonly DueMapping[]>;
  };
  queue: {
    isReachable(): boolean;
    /** Adds the jobs. Rejects when the queue does not accept them in time. */
    enqueue(jobs: readonly { job: ProvisioningJob; appUserId: AppUserId }[]): Promise<void>;
  };
  /** Runs the job in this process. Must not reject. */
  runJob: (job: ProvisioningJob, appUserId: AppUserId) => Promise<void>;
  now: Clock;
  random: Random;
  onReenqueued?: (count: number) => void;
}) {
  /** App users whose job the sweeper runs itself. The next round does not start it again. */
  const running = new Set<AppUserId>();

  async function claim(mapping: DueMapping): Promise<DueMapping | null> {
    const claimMs = Math.min(sweeperRules.maxClaimMs, sweeperRules.minClaimMs * 2 ** mapping.sweeps);
    const nextSweepAt = after(now(), claimMs * (0.75 + random() / 2));
    const { sweeps, revision } = mapping;
    const claimed = { ...mapping, nextSweepAt, sweeps: sweeps + 1, revision: revision + 1 };
    return (await mappings.replace(mapping, claimed)) ? claimed : null;
  }

  function runDirectly(due: readonly DueMapping[]): void {
    for (const { appUserId, state } of due) {
      if (running.size >= sweeperRules.directConcurrency) return;
      if (running.has(appUserId)) continue;
      running.add(appUserId);
      void runJob(jobFor[state], appUserId).finally(() => running.delete(appUserId));
    }
  }

  async function tryEnqueue(due: readonly DueMapping[]): Promise<boolean> {
    if (!queue.isReachable()) return false;
    const jobs = due.map(({ state, appUserId }) => ({ job: jobFor[state], appUserId }));
    return queue.enqueue(jobs).then(
      () => true,
      () => false,
    );
  }

  /**
   * Runs one round: claims the due mappings, then enqueues or runs their jobs. Returns the number of claimed mappings.
   * Without the queue, the sweeper claims only as many mappings as it can process now, so that the others stay due.
   * @throws ServiceError `SERVICE_UNAVAILABLE` when the store is not responding
   */
  async function sweep(): Promise<number> {
    const free = sweeperRules.directConcurrency - running.size;
    const limit = queue.isReachable() ? sweeperRules.batchSize : free;
    const due = limit > 0 ? await mappings.listDue(now(), limit) : [];
    if (due.length === 0) return 0;
    const claims = await Promise.all(due.map(claim));
    const claimed = claims.filter((mapping): mapping is DueMapping => mapping !== null);
    const isEnqueued = await tryEnqueue(claimed);
    if (isEnqueued) onReenqueued(claimed.length);
    runDirectly(isEnqueued ? claimed.filter(({ sweeps }) => sweeps >= directAfterSweeps) : claimed);
    return claimed.length;
  }

  return { sweep };
}
