import { DelayedError, RateLimitError, Worker, type Job } from "bullmq";
import { endsWithin } from "../src/core/deadline.js";
import { retryDelayMs } from "../src/core/provisioning/retry.js";
import type { WorkerConnection } from "../src/queue/redis-connection.js";
import { isRefusal } from "../src/queue/redis-refusal.js";
import { toJobLimit } from "../src/queue/provisioning-queue.js";

/** How to retry a job that may succeed later. Neither way uses an attempt. */
export type JobRetry =
  /** Run this job again after a delay. */
  | { type: "delay"; delayMs: number }
  /** Start no job of this queue in any process for this long. */
  | { type: "pause-fleet"; durationMs: number };

export type JobOutcome = { type: "done" } | JobRetry;

/** A lock is renewed after half of this time; another worker takes over a dead worker's job after about this long. */
const lockDurationMs = 10_000;
const stalledIntervalMs = 5_000;
/** Practically unlimited: a job must not fail because the workers that ran it crashed. */
const maxStalledCount = 1_000_000;
/** A job may run for this long before the worker counts as idle, because the job may wait forever, milliseconds. */
const longestJobMs = 90_000;
/** How long `close` waits after it has cut off the jobs in progress, milliseconds. */
const forcedCloseMs = 500;

export type JobWorkerOptions<D> = {
  queueName: string;
  prefix: string;
  /** Opens a connection. The worker closes it. */
  connect: () => WorkerConnection;
  concurrency: number;
  /** Jobs started per second over the whole fleet; 0 means no limit. */
  jobsPerSecond: number;
  /** Does the work. An error that it throws counts as a bug and uses an attempt. */
  run: (job: Job<D>) => Promise<JobOutcome>;
  pauseFleet: (durationMs: number) => Promise<void>;
  /** Called when an attempt of a job has failed. */
  onFailed: (job: Job<D> | undefined, error: Error) => void;
  onError: (error: Error) => void;
  /**
   * Called once when the worker has stopped itself, because Redis refuses a command that it needs. BullMQ would repeat
   * the command without a pause, in the worst case without ever returning to the event loop.
   */
  onStopped: (error: Error) => void;
  /** Does not ask Redis for its version, for a user who may not run INFO. Delayed jobs may then start a second late. */
  skipVersionCheck?: boolean;
};

/** More errors than this within a second mean that the worker repeats a failing command without a pause. */
const maxErrorsPerSecond = 100;

/** Returns whether this error must stop the worker: a refusal of Redis, or one of too many errors. */
function createStopRule(): (error: Error) => boolean {
  let countedSinceMs = 0;
  let count = 0;
  return (error) => {
    if (isRefusal(error)) return true;
    const nowMs = performance.now();
    if (nowMs - countedSinceMs > 1_000) {
      countedSinceMs = nowMs;
      count = 0;
    }
    count += 1;
    return count > maxErrorsPerSecond;
  };
}

/**
 * Starts a BullMQ worker with settings that prevent the loss of jobs: short locks, no limit on takeovers, and a
 * custom backoff. A job that has to wait does not fail.
 */
export function startJobWorker<D>(options: JobWorkerOptions<D>) {
  const connection = options.connect();
  let lastStartAtMs = Date.now();
  let running = 0;
  let hasStartedJob = false;

  /** Returns whether it paused the queue. If not, a `RateLimitError` would restart the job immediately, repeatedly. */
  const tryPauseFleet = (durationMs: number): Promise<boolean> =>
    options.pauseFleet(durationMs).then(
      () => true,
      () => false,
    );

  async function applyRetry(job: Job<D>, retry: JobRetry, token: string | undefined): Promise<never> {
    if (retry.type === "pause-fleet" && (await tryPauseFleet(retry.durationMs))) throw new RateLimitError();
    const delayMs = retry.type === "delay" ? retry.delayMs : retry.durationMs;
    await job.moveToDelayed(Date.now() + delayMs, token);
    throw new DelayedError();
  }

  async function processJob(job: Job<D>, token: string | undefined): Promise<void> {
    const outcome = await runCounted(job);
    // Not counted as running, because on a dead connection this call never ends and the worker would look busy.
    if (outcome.type !== "done") await applyRetry(job, outcome, token);
  }

  async function runCounted(job: Job<D>): Promise<JobOutcome> {
    lastStartAtMs = Date.now();
    hasStartedJob = true;
    running += 1;
    try {
      return await options.run(job);
    } finally {
      running -= 1;
    }
  }

  const worker = new Worker<D>(options.queueName, processJob, {
    connection: connection.redis,
    prefix: options.prefix,
    concurrency: options.concurrency,
    lockDuration: lockDurationMs,
    stalledInterval: stalledIntervalMs,
    maxStalledCount,
    skipVersionCheck: options.skipVersionCheck ?? false,
    limiter: { max: toJobLimit(options.jobsPerSecond), duration: 1_000 },
    settings: { backoffStrategy: (attemptsMade) => retryDelayMs(attemptsMade, Math.random) },
  });
  const mustStop = createStopRule();
  let isStopped = false;
  worker.on("error", (error) => {
    if (isStopped) return;
    options.onError(error);
    if (!mustStop(error)) return;
    isStopped = true;
    // Takes effect before this listener returns, which ends BullMQ's loop.
    worker.pause(true).catch(() => undefined);
    options.onStopped(error);
  });
  worker.on("failed", options.onFailed);

  return {
    hasStartedJob: () => hasStartedJob,

    /** Milliseconds since the last job was started; 0 while a job is running that may still finish. */
    idleMs(): number {
      const sinceStartMs = Date.now() - lastStartAtMs;
      return running > 0 && sinceStartMs < longestJobMs ? 0 : sinceStartMs;
    },

    /**
     * Stops starting jobs and waits for the running ones, for `graceMs` at most. Other workers take over the jobs that
     * have not finished by then. Never rejects, even when Redis is down.
     */
    async close(graceMs: number): Promise<void> {
      const closed = worker.close().catch(() => undefined);
      if (!(await endsWithin(closed, graceMs))) {
        await endsWithin(
          worker.close(true).catch(() => undefined),
          forcedCloseMs,
        );
      }
      connection.disconnect();
    },
  };
}

export type JobWorker = ReturnType<typeof startJobWorker>;
