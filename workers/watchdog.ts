import type { JobWorker } from "./job-worker.js";

/** What a watchdog looks at. */
type Watched = Pick<JobWorker, "idleMs" | "hasBegun" | "close">;

export type WatchdogRules = {
  checkEveryMs: number;
  /** A worker that begins no job for this long while jobs wait is taken for wedged. */
  maxIdleMs: number;
  /** New workers that did not help either, before the process gives up. */
  maxRebuilds: number;
};

export const watchdogRules: WatchdogRules = { checkEveryMs: 5_000, maxIdleMs: 15_000, maxRebuilds: 2 };

/**
 * Replaces a worker that stopped taking jobs although there are some: after an outage of Redis a blocking connection
 * can hang for ever while everything looks well. When new connections do not help, `giveUp` is called: another process
 * will do better.
 */
export function startWatchdog({
  start,
  hasWaitingJobs,
  giveUp,
  onRebuild,
  rules = watchdogRules,
}: {
  start: () => Watched;
  /** Whether jobs wait that a worker could begin now; rejects while Redis is away. */
  hasWaitingJobs: () => Promise<boolean>;
  giveUp: () => void;
  onRebuild: () => void;
  rules?: WatchdogRules;
}) {
  let worker = start();
  let rebuilds = 0;
  let suspectSince: number | null = null;
  let isClosed = false;

  async function check(): Promise<void> {
    const isSuspect = worker.idleMs() > rules.maxIdleMs && (await hasWaitingJobs().catch(() => false));
    if (!isSuspect) {
      suspectSince = null;
      // A worker that is merely new has proved nothing.
      if (worker.hasBegun()) rebuilds = 0;
      return;
    }
    if (isClosed) return;
    suspectSince ??= Date.now();
    if (Date.now() - suspectSince < rules.maxIdleMs) return;
    suspectSince = null;
    if (rebuilds >= rules.maxRebuilds) {
      giveUp();
      return;
    }
    rebuilds += 1;
    onRebuild();
    const wedged = worker;
    worker = start();
    await wedged.close(0);
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
