import type { AppUserId } from "../mapping/app-user-id.js";
import { after, type Clock, type Random } from "../clock.js";
import { jobFor, type ProvisioningJob } from "./jobs.js";
import type { DeletingMapping, PendingMapping } from "../mapping/mapping.js";
import type { MappingStore } from "../mapping/mapping-writer.js";

export type DueMapping = PendingMapping | DeletingMapping;

export const sweeperRules = {
  /** Rows taken up in one round; what is left waits for the next. */
  batchSize: 500,
  /** How long a claimed row is left alone: at first, and at most. */
  minClaimMs: 10_000,
  maxClaimMs: 20_000,
  /** Rows worked on directly at the same time, where the queue does not help. */
  directConcurrency: 10,
} as const;

/** From this many sweeps without an attempt in between, the queue is not to be relied on for this row. */
const directAfterSweeps = 2;

/**
 * Comes back to every row that is due, whatever became of its job. Every worker runs one, without a leader: a row is
 * claimed by the compare-and-set that moves its `nextSweepAt` on.
 *
 * The row is enqueued again. Where that fails (Redis is away), or has not helped before (a frozen worker holds the
 * job), the sweeper does the work itself, a few rows at a time.
 */
export function createSweeper({
  mappings,
  queue,
  work,
  now,
  random,
  onReenqueued = () => undefined,
}: {
  mappings: Pick<MappingStore, "replace"> & {
    listDue(at: Date, limit: number): Promise<readonly DueMapping[]>;
  };
  queue: {
    isReachable(): boolean;
    /** Adds the jobs, and rejects when the queue does not take them in time. */
    enqueue(jobs: readonly { job: ProvisioningJob; appUserId: AppUserId }[]): Promise<void>;
  };
  /** Does the job's work here and now; must not throw. */
  work: (job: ProvisioningJob, appUserId: AppUserId) => Promise<void>;
  now: Clock;
  random: Random;
  onReenqueued?: (count: number) => void;
}) {
  /** Rows that this process works on directly: the next round leaves them alone. */
  const atWork = new Set<AppUserId>();

  async function claim(row: DueMapping): Promise<DueMapping | null> {
    const claimMs = Math.min(sweeperRules.maxClaimMs, sweeperRules.minClaimMs * 2 ** row.sweeps);
    const nextSweepAt = after(now(), claimMs * (0.75 + random() / 2));
    const claimed = { ...row, nextSweepAt, sweeps: row.sweeps + 1, revision: row.revision + 1 };
    return (await mappings.replace(row, claimed)) ? claimed : null;
  }

  function workDirectly(rows: readonly DueMapping[]): void {
    for (const { appUserId, state } of rows) {
      if (atWork.size >= sweeperRules.directConcurrency) return;
      if (atWork.has(appUserId)) continue;
      atWork.add(appUserId);
      void work(jobFor[state] ?? "provision-user", appUserId).finally(() => atWork.delete(appUserId));
    }
  }

  async function tryEnqueue(rows: readonly DueMapping[]): Promise<boolean> {
    if (!queue.isReachable()) return false;
    const jobs = rows.map(({ state, appUserId }) => ({ job: jobFor[state] ?? "provision-user", appUserId }));
    return queue.enqueue(jobs).then(
      () => true,
      () => false,
    );
  }

  /**
   * One round: claims what is due and sees that it is worked on. Gives the number of rows claimed. Without the queue
   * only as many rows are claimed as can be worked on, so that the others stay due.
   * @throws ServiceError `SERVICE_UNAVAILABLE` when the store does not answer
   */
  async function sweep(): Promise<number> {
    const idle = sweeperRules.directConcurrency - atWork.size;
    const limit = queue.isReachable() ? sweeperRules.batchSize : idle;
    const due = limit > 0 ? await mappings.listDue(now(), limit) : [];
    if (due.length === 0) return 0;
    const claims = await Promise.all(due.map(claim));
    const claimed = claims.filter((row): row is DueMapping => row !== null);
    const isEnqueued = await tryEnqueue(claimed);
    if (isEnqueued) onReenqueued(claimed.length);
    workDirectly(isEnqueued ? claimed.filter((row) => row.sweeps >= directAfterSweeps) : claimed);
    return claimed.length;
  }

  return { sweep };
}

export type Sweeper = ReturnType<typeof createSweeper>;
