import type { JobWorker } from "./job-worker.js";

/** The part of a worker that the watchdog uses. */
type Watched = Pick<JobWorker, "idleMs" | "hasStartedJob" | "close">;

export type WatchdogRules = {
  checkEveryMs: number;
  /** A worker that starts no job for this long while jobs are waiting counts as stalled. */
  maxIdleMs: number;
  /** Consecutive restarts without a started job before the process shuts down. */
  maxRebuilds: number;
};

const watchdogRules: WatchdogRules = { checkEveryMs: 5_000, maxIdleMs: 15_000, maxRebuilds: 2 };

/**
 * Restarts a worker that has stalled although jobs are waiting. After an outage of Redis, a blocking connection can hang
 * forever while everything looks healthy. If restarts do not help, it calls `shutDown`, because a new process may work
 * again.
 */
export function startWatchdog({
  start,
  hasWaitingJobs,
  shutDown,
  onRebuild,
  rules = watchdogRules,
}: {
  start: () => Watched;
  /** Whether jobs are waiting that a worker could start now. Rejects while Redis is not responding. */
  hasWaitingJobs: () => Promise<boolean>;
  shutDown: () => void;
  onRebuild: () => void;
  rules?: WatchdogRules;
}) {
  let worker = start();
  let rebuilds = 0;
  let suspectSinceMs: number | null = null;
  let isClosed = false;

  async function check(): Promise<void> {
    const isSuspect = worker.idleMs() > rules.maxIdleMs && (await hasWaitingJobs().catch(() => false));
    if (!isSuspect) {
      suspectSinceMs = null;
      // A new worker counts as working only after it has started a job.
      if (worker.hasStartedJob()) rebuilds = 0;
      return;
    }
    if (isClosed) return;
    suspectSinceMs ??= Date.now();
    if (Date.now() - suspectSinceMs < rules.maxIdleMs) return;
    suspectSinceMs = null;
    if (rebuilds >= rules.maxRebuilds) {
      shutDown();
      return;
    }
    rebuilds += 1;
    onRebuild();
    const stalled = worker;
    worker = start();
    await stalled.close(0);
  }

  const timer = setInterval(() => void check(), rules.checkEveryMs);

  return {
    async close(graceMs: number): Promise<void> {
      isClosed = true;
      clearInterval(timer);
      await worker.close(graceMs);
    },
  };
}
