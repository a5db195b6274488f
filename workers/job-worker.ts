import { DelayedError, RateLimitError, Worker, type Job } from "bullmq";
import type { Redis } from "ioredis";
import { retryDelayMs } from "../src/core/provisioning/retry.js";
import { toJobLimit } from "../src/queue/provisioning-queue.js";

/** What becomes of a job whose work did not succeed but may later. */
export type JobRetry =
  /** This job again after a while; costs no attempt. */
  | { type: "delay"; delayMs: number }
  /** No job of this queue in any process before that; costs no attempt. */
  | { type: "pause-fleet"; durationMs: number };

export type JobOutcome = { type: "done" } | JobRetry;

/** A lock is renewed at half of its time; a dead worker's job is taken over by another one after about this long. */
const lockDurationMs = 10_000;
const stalledIntervalMs = 5_000;
/** A job that outlived many crashes is still wanted: dying workers must not use it up. */
const maxStalledCount = 1_000_000;

export type JobWorkerOptions<D> = {
  queueName: string;
  prefix: string;
  /** Opens a connection for a worker; each worker gets one of its own and closes it. */
  connect: () => Redis;
  concurrency: number;
  /** Jobs started per second over the whole fleet; 0 is no limit. */
  jobsPerSecond: number;
  /** Does the work; what it throws is a bug, and costs an attempt. */
  run: (job: Job<D>) => Promise<JobOutcome>;
  pauseFleet: (durationMs: number) => Promise<void>;
  /** After a bug: the job failed for the time being. */
  onFailed: (job: Job<D> | undefined, error: Error) => void;
  onError: (error: Error) => void;
};

/** A job that takes longer is no sign of life any more, milliseconds: what it waits for may never come. */
const longestJobMs = 90_000;

/**
 * A BullMQ worker with the settings that lose no job: short locks, no limit on takeovers, its own back-off. The job
 * does not fail when its work has to wait.
 */
export function startJobWorker<D>(options: JobWorkerOptions<D>) {
  const connection = options.connect();
  let lastStartAt = Date.now();
  let underWay = 0;
  let hasBegun = false;

  /** A queue that could not be paused would give the job back at once, and again. */
  const isFleetPaused = (durationMs: number): Promise<boolean> =>
    options.pauseFleet(durationMs).then(
      () => true,
      () => false,
    );

  async function applyRetry(job: Job<D>, retry: JobRetry, token: string | undefined): Promise<never> {
    if (retry.type === "pause-fleet" && (await isFleetPaused(retry.durationMs))) throw new RateLimitError();
    const delayMs = retry.type === "delay" ? retry.delayMs : retry.durationMs;
    await job.moveToDelayed(Date.now() + delayMs, token);
    throw new DelayedError();
  }

  async function process(job: Job<D>, token: string | undefined): Promise<void> {
    const outcome = await runCounted(job);
    // Not counted as work: on a dead connection it would never end, and the worker would pass for a busy one.
    if (outcome.type !== "done") await applyRetry(job, outcome, token);
  }

  async function runCounted(job: Job<D>): Promise<JobOutcome> {
    lastStartAt = Date.now();
    hasBegun = true;
    underWay += 1;
    try {
      return await options.run(job);
    } finally {
      underWay -= 1;
    }
  }

  const worker = new Worker<D>(options.queueName, process, {
    connection,
    prefix: options.prefix,
    concurrency: options.concurrency,
    lockDuration: lockDurationMs,
    stalledInterval: stalledIntervalMs,
    maxStalledCount,
    limiter: { max: toJobLimit(options.jobsPerSecond), duration: 1_000 },
    settings: { backoffStrategy: (attemptsMade) => retryDelayMs(attemptsMade, Math.random) },
  });
  worker.on("error", options.onError);
  worker.on("failed", options.onFailed);

  return {
    /** Whether it has ever begun a job. */
    hasBegun: () => hasBegun,

    /** Milliseconds since a job was last begun, 0 while one is under way that may still end. */
    idleMs(): number {
      const sinceStartMs = Date.now() - lastStartAt;
      return underWay > 0 && sinceStartMs < longestJobMs ? 0 : sinceStartMs;
    },

    /**
     * Stops taking jobs and lets those under way finish, for `graceMs` at most; then they are left to other workers.
     * Resolves in any case, also with Redis gone.
     */
    async close(graceMs: number): Promise<void> {
      const closed = worker.close().catch(() => undefined);
      const isDrained = await Promise.race([closed.then(() => true), wait(graceMs)]);
      if (isDrained !== true) await Promise.race([worker.close(true).catch(() => undefined), wait(500)]);
      connection.disconnect();
    },
  };
}

export type JobWorker = ReturnType<typeof startJobWorker>;

const wait = (durationMs: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, durationMs);
  });
