import type { Cluster, Redis } from "ioredis";
import { queuePrefix } from "./provisioning-queue.js";

/** A queue that no worker reads, and how many jobs wait in it. */
export type StrayQueue = { queue: string; jobs: number };

/**
 * Where jobs go when a producer omits the prefix (BullMQ's own is `bull`), writes it without braces, with a colon or into
 * the queue's name, or names the queue like the job.
 */
const strayQueues = [
  "bull:app-user-events",
  "vital:app-user-events",
  "bull:{vital}:app-user-events",
  "{vital}::app-user-events",
  "{vital}:app-user-event",
];

/** The key patterns of these queues that a Redis user needs in addition to `{vital}:*`. */
export const strayKeyPatterns = strayQueues
  .filter((queue) => !queue.startsWith(`${queuePrefix}:`))
  .map((queue) => `${queue}:*`);

/** The lists and sorted sets in which BullMQ keeps jobs that wait. Until version 5 it had `paused`. */
const waitingLists = ["wait", "paused"];
const waitingSets = ["prioritized", "delayed", "waiting-children"];

const isForbidden = (error: unknown) => error instanceof Error && error.message.startsWith("NOPERM");

async function countJobs(redis: Redis | Cluster, queue: string): Promise<number> {
  try {
    const counts = await Promise.all([
      ...waitingLists.map((list) => redis.llen(`${queue}:${list}`)),
      ...waitingSets.map((set) => redis.zcard(`${queue}:${set}`)),
    ]);
    return counts.reduce((sum, count) => sum + count, 0);
  } catch (error) {
    // A user of Redis that may only read the gateway's keys cannot look elsewhere.
    if (isForbidden(error)) return 0;
    throw error;
  }
}

/**
 * Returns the queues in which jobs of producers with wrong settings wait. It reads a few counts and searches no keys.
 *
 * @throws when Redis does not reply
 */
export async function findStrayQueues(redis: Redis | Cluster): Promise<StrayQueue[]> {
  const found = await Promise.all(
    strayQueues.map(async (queue) => ({ queue, jobs: await countJobs(redis, queue) })),
  );
  return found.filter(({ jobs }) => jobs > 0);
}

/** What to change about a producer whose jobs wait in such a queue. */
export const strayQueueFix =
  "set the producer's queue to app-user-events and its prefix to {vital}, then publish those events again";
