import { createHash } from "node:crypto";
import { Queue, type JobsOptions } from "bullmq";
import type { Redis } from "ioredis";
import type { AppUserId } from "../core/mapping/app-user-id.js";
import type { ProvisioningJob, Wake } from "../core/provisioning/jobs.js";
import { withRedisTimeout } from "./redis-connection.js";

/** All our keys in Redis; the braces keep them on one node of a cluster. */
export const queuePrefix = "{vital}";
export const provisioningQueueName = "provisioning";

/** What a job carries: all else is read when it runs. */
export type ProvisioningJobData = { appUserId: AppUserId };

export type ProvisioningJobRequest = { job: ProvisioningJob; appUserId: AppUserId };

const addTimeoutMs = 2_000;
/** How long a Redis that did not take jobs is not asked again: meanwhile the sweepers do the work themselves. */
const silenceMs = 3_000;
/** Wake-ups that wait for a round trip; more are left to the sweeper. */
const maxWaiting = 20_000;
const maxBatch = 500;

/** Jobs a second where there is no limit: with none at all BullMQ would never look at the pause of the queue. */
const unlimitedJobs = 1_000_000_000;

/** The limit that BullMQ is given for so many jobs a second, where 0 stands for as many as there are. */
export const toJobLimit = (jobsPerSecond: number): number =>
  jobsPerSecond > 0 ? jobsPerSecond : unlimitedJobs;

/** The name of BullMQ's custom back-off; the workers know it. */
export const backoffType = "capped-full-jitter";

/**
 * A second job for the same user and purpose is not added while the first waits. It hashes the id, because BullMQ
 * gives some characters a meaning. The id of the job itself stays BullMQ's own: a corpse in the failed set must not
 * block a user.
 */
function toOptions({ job, appUserId }: ProvisioningJobRequest): JobsOptions {
  const hash = createHash("sha256").update(appUserId).digest("base64url").slice(0, 27);
  return {
    attempts: 5,
    backoff: { type: backoffType },
    deduplication: { id: `${job}-${hash}` },
    removeOnComplete: true,
    removeOnFail: { age: 7 * 24 * 3600, count: 1_000 },
    stackTraceLimit: 3,
  };
}

/** Whether an operator has stopped a queue for the time being, or as many jobs run as he allows. */
export const isHeld = async (queue: Pick<Queue, "isPaused" | "isMaxed">): Promise<boolean> =>
  (await queue.isPaused()) || (await queue.isMaxed());

/**
 * The producer's side of the `provisioning` queue. Wake-up signals may be lost: they are sent in bulk behind the back
 * of the caller, and given up while Redis is away.
 */
export function createProvisioningQueue({
  redis,
  onError,
}: {
  redis: Redis;
  onError: (error: Error) => void;
}) {
  const queue = new Queue<ProvisioningJobData, void, ProvisioningJob>(provisioningQueueName, {
    connection: redis,
    prefix: queuePrefix,
    streams: { events: { maxLen: 1_000 } },
  });
  queue.on("error", onError);
  let waiting: ProvisioningJobRequest[] = [];
  let isSending = false;

  /** Until when a Redis that is there but did not answer is left alone, milliseconds since 1970. */
  let silentUntilMs = 0;

  const isReachable = () => redis.status === "ready" && Date.now() >= silentUntilMs;

  async function enqueue(requests: readonly ProvisioningJobRequest[]): Promise<void> {
    if (!isReachable()) throw new Error("Redis is away");
    const jobs = requests.map((request) => ({
      name: request.job,
      data: { appUserId: request.appUserId },
      opts: toOptions(request),
    }));
    try {
      await withRedisTimeout(queue.addBulk(jobs), addTimeoutMs);
    } catch (error) {
      silentUntilMs = Date.now() + silenceMs;
      throw error;
    }
  }

  async function sendWaiting(): Promise<void> {
    isSending = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, maxBatch);
      await enqueue(batch).catch(onError);
    }
    isSending = false;
  }

  const wake: Wake = (job, appUserId) => {
    if (!isReachable() || waiting.length >= maxWaiting) return;
    waiting.push({ job, appUserId });
    if (!isSending) void sendWaiting();
  };

  return {
    wake,
    enqueue,
    isReachable,

    /** Keeps every worker from starting a job until then. */
    async pauseUntil(at: Date): Promise<void> {
      const durationMs = at.getTime() - Date.now();
      if (durationMs <= 0) return;
      if (!isReachable()) throw new Error("Redis is away");
      await withRedisTimeout(queue.rateLimit(durationMs), addTimeoutMs);
    },

    /** Jobs by state, as BullMQ counts them. */
    countJobs: () =>
      withRedisTimeout(queue.getJobCounts("waiting", "active", "delayed", "failed"), addTimeoutMs),

    /**
     * Milliseconds for which the queue is still paused, 0 when it is not. Where the fleet may begin so many jobs a
     * second, having begun them counts too. (BullMQ keeps the pause and that count under one key: without a number
     * to compare with, every job that is begun would pass for a pause.)
     */
    async getPauseMs(jobsPerSecond = 0): Promise<number> {
      return Math.max(
        0,
        await withRedisTimeout(queue.getRateLimitTtl(toJobLimit(jobsPerSecond)), addTimeoutMs),
      );
    },

    /** See {@link isHeld}. */
    isPaused: () => withRedisTimeout(isHeld(queue), addTimeoutMs),

    /** Sends what still waits, as long as Redis takes it. */
    async close(): Promise<void> {
      const deadline = Date.now() + addTimeoutMs;
      while (isSending && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
      waiting = [];
      await withRedisTimeout(queue.close(), addTimeoutMs).catch(() => undefined);
    },
  };
}

export type ProvisioningQueue = ReturnType<typeof createProvisioningQueue>;
