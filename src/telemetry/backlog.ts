import type { Clock } from "../core/clock.js";
import type { MappingState } from "../core/mapping/mapping.js";

/** The values that are read from MongoDB for a scrape instead of being counted continuously. */
export type Backlog = {
  mappings: Record<MappingState, number>;
  oldestPendingSeconds: number;
  /** Age of the oldest deletion that is not final. */
  oldestDeletingSeconds: number;
};

/** The values that are read from Redis for a scrape. */
export type QueueBacklog = {
  /** Jobs by queue and state. */
  queueJobs: Record<string, Record<string, number>>;
  /** Whether Vital asked for a pause. */
  isPaused: boolean;
};

type Countable = { countJobs(): Promise<Record<string, number>> };

/** Returns a function that reads the backlog. It rejects while MongoDB is down. */
export function createBacklogReader({
  mappings,
  now,
}: {
  mappings: {
    countByState(): Promise<Record<MappingState, number>>;
    findOldestPendingAt(): Promise<Date | null>;
    findOldestDeletingAt(): Promise<Date | null>;
  };
  now: Clock;
}): () => Promise<Backlog> {
  const toAgeSeconds = (at: Date | null) => (at === null ? 0 : (now().getTime() - at.getTime()) / 1000);
  return async () => {
    const [counts, oldestPendingAt, oldestDeletingAt] = await Promise.all([
      mappings.countByState(),
      mappings.findOldestPendingAt(),
      mappings.findOldestDeletingAt(),
    ]);
    return {
      mappings: counts,
      oldestPendingSeconds: toAgeSeconds(oldestPendingAt),
      oldestDeletingSeconds: toAgeSeconds(oldestDeletingAt),
    };
  };
}

/** Returns a function that reads the queues, by name. It rejects while Redis is down. */
export function createQueueBacklogReader({
  queues,
  getPauseMs,
}: {
  queues: Readonly<Record<string, Countable>>;
  getPauseMs: () => Promise<number>;
}): () => Promise<QueueBacklog> {
  const countJobs = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(queues).map(async ([name, queue]) => [name, await queue.countJobs()] as const),
      ),
    );
  return async () => {
    const [queueJobs, pauseMs] = await Promise.all([countJobs(), getPauseMs()]);
    return { queueJobs, isPaused: pauseMs > 0 };
  };
}
