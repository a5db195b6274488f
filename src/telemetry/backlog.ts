import type { Clock } from "../core/clock.js";
import type { MappingState } from "../core/mapping/mapping.js";

/** The values that are read from MongoDB and Redis for a scrape instead of being counted continuously. */
export type Backlog = {
  mappings: Record<MappingState, number>;
  oldestPendingSeconds: number;
  /** Jobs by queue and state; `null` while Redis is not responding. */
  queueJobs: Record<string, Record<string, number>> | null;
  isPaused: boolean;
};

type Countable = { countJobs(): Promise<Record<string, number>> };

/** Returns a function that reads the backlog. It rejects while MongoDB is down, and omits the jobs while Redis is down. */
export function createBacklogReader({
  mappings,
  queues,
  getPauseMs,
  now,
}: {
  mappings: {
    countByState(): Promise<Record<MappingState, number>>;
    findOldestPendingAt(): Promise<Date | null>;
  };
  /** By queue name. */
  queues: Readonly<Record<string, Countable>>;
  getPauseMs: () => Promise<number>;
  now: Clock;
}): () => Promise<Backlog> {
  const countJobs = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(queues).map(async ([name, queue]) => [name, await queue.countJobs()] as const),
      ),
    );

  return async () => {
    const [counts, oldestPendingAt, queueJobs, pauseMs] = await Promise.all([
      mappings.countByState(),
      mappings.findOldestPendingAt(),
      countJobs().catch(() => null),
      getPauseMs().catch(() => 0),
    ]);
    const oldestPendingMs = oldestPendingAt === null ? 0 : now().getTime() - oldestPendingAt.getTime();
    return {
      mappings: counts,
      oldestPendingSeconds: oldestPendingMs / 1000,
      queueJobs,
      isPaused: pauseMs > 0,
    };
  };
}
