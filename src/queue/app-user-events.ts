import { Queue } from "bullmq";
import type { Cluster, Redis } from "ioredis";
import type { SignupEvent, SignupEventType } from "../core/mapping/signup-event.js";
import { isHeld, queuePrefix } from "./provisioning-queue.js";
import { mendUnreadableJobs } from "./unreadable-jobs.js";
import { withRedisTimeout } from "./redis-connection.js";

/** Signup services add their events here; the workers record them. */
export const appUserEventsQueueName = "app-user-events";
export const appUserEventJobName = "app-user-event" as const;

/** What a job carries; `occurredAt` is RFC 3339. */
export type AppUserEventData = { id: string; type: SignupEventType; appUserId: string; occurredAt: string };

const addTimeoutMs = 3_000;
const countTimeoutMs = 2_000;
const mendTimeoutMs = 10_000;

export const toAppUserEventData = ({ id, type, appUserId, occurredAt }: SignupEvent): AppUserEventData => ({
  id,
  type,
  appUserId,
  occurredAt: occurredAt.toISOString(),
});

/** The producer's side of the `app-user-events` queue; the caller owns the connection. */
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
  });
  queue.on("error", onError);

  return {
    /**
     * Resolves when all of them are in Redis. When it rejects some may be there all the same: adding them again is
     * harmless. While Redis is away it rejects at once, because BullMQ would keep the events and add them much later.
     */
    async add(events: readonly SignupEvent[]): Promise<void> {
      if (redis.status !== "ready") throw new Error("Redis is away");
      const jobs = events.map((event) => ({
        name: appUserEventJobName,
        data: toAppUserEventData(event),
        opts: { removeOnComplete: true },
      }));
      await withRedisTimeout(queue.addBulk(jobs), addTimeoutMs);
    },

    /** Jobs by state, as BullMQ counts them; those with a priority of their producer's apart. */
    countJobs: () =>
      withRedisTimeout(
        queue.getJobCounts("waiting", "prioritized", "active", "delayed", "failed"),
        countTimeoutMs,
      ),

    /** See {@link isHeld}. */
    isPaused: () => withRedisTimeout(isHeld(queue), countTimeoutMs),

    /** Makes the jobs under way readable that are not, so that they can be refused; gives their ids. */
    mendUnreadable: () => withRedisTimeout(mendUnreadableJobs(queue, redis), mendTimeoutMs),

    close: () => withRedisTimeout(queue.close(), countTimeoutMs).catch(() => undefined),
  };
}

export type AppUserEventQueue = ReturnType<typeof createAppUserEventQueue>;
