import { Queue } from "bullmq";
import type { Cluster, Redis } from "ioredis";
import type { SignupEvent, SignupEventType } from "../core/mapping/signup-event.js";
import { countedJobStates, isQueuePaused, queuePrefix } from "./provisioning-queue.js";
import { findStrayQueues } from "./stray-jobs.js";
import { repairUnreadableJobs } from "./unreadable-jobs.js";
import { toRedisCause } from "./redis-refusal.js";
import { withRedisTimeout } from "./redis-connection.js";

/** Signup services add their events to this queue, and the workers record them. */
export const appUserEventsQueueName = "app-user-events";
export const appUserEventJobName = "app-user-event" as const;

/** The data of a job. `occurredAt` is RFC 3339. */
export type AppUserEventData = { id: string; type: SignupEventType; appUserId: string; occurredAt: string };

const addTimeoutMs = 3_000;
const countTimeoutMs = 2_000;
const repairTimeoutMs = 10_000;

export const toAppUserEventData = ({ id, type, appUserId, occurredAt }: SignupEvent): AppUserEventData => ({
  id,
  type,
  appUserId,
  occurredAt: occurredAt.toISOString(),
});

/** The producer of the `app-user-events` queue. The caller owns the connection. */
export function createAppUserEventQueue({
  redis,
  onError,
}: {
  redis: Redis | Cluster;
  onError: (error: Error) => void;
}) {
  const queue = new Queue<AppUserEventData, void, typeof appUserEventJobName>(appUserEventsQueueName, {
    connection: redis,
    prefix: queuePrefix,
    streams: { events: { maxLen: 1_000 } },
    // See the provisioning queue.
    skipVersionCheck: true,
  });
  queue.on("error", onError);

  return {
    /**
     * Resolves when all events are in Redis. When it rejects, some may be there: adding them again is harmless. While
     * Redis is unavailable it rejects immediately, because BullMQ would keep the events and add them much later.
     */
    async add(events: readonly SignupEvent[]): Promise<void> {
      if (redis.status !== "ready") throw new Error("Redis is unavailable");
      const jobs = events.map((event) => ({
        name: appUserEventJobName,
        data: toAppUserEventData(event),
        opts: { removeOnComplete: true },
      }));
      await withRedisTimeout(queue.addBulk(jobs), addTimeoutMs).catch((error: unknown) => {
        throw toRedisCause(error);
      });
    },

    /** Jobs by state, as BullMQ counts them. */
    countJobs: () => withRedisTimeout(queue.getJobCounts(...countedJobStates), countTimeoutMs),

    /** See {@link findStrayQueues}. */
    findStrayQueues: () => withRedisTimeout(findStrayQueues(redis), countTimeoutMs),

    /** See {@link isQueuePaused}. */
    isPaused: () => withRedisTimeout(isQueuePaused(queue), countTimeoutMs),

    /** Repairs active jobs that BullMQ cannot read, so that a worker can reject them. Returns their ids. */
    repairUnreadable: () => withRedisTimeout(repairUnreadableJobs(queue, redis), repairTimeoutMs),

    close: () => withRedisTimeout(queue.close(), countTimeoutMs).catch(() => undefined),
  };
}

export type AppUserEventQueue = ReturnType<typeof createAppUserEventQueue>;
