import type { Clock } from "../src/core/clock.js";

/** No slot is free for this job, which should run again after a while. The times of different jobs are spread already. */
export class NoFreeSlotError extends Error {
  override readonly name = "NoFreeSlotError";

  constructor(readonly retryAfterMs: number) {
    super("deletions and repeated attempts hold all job slots that they may hold");
  }
}

/** The longest wait of a job that finds no free slot, milliseconds. */
const maxWaitMs = 15_000;
const minWaitMs = 250;
/** How long a job takes until the first one has ended, milliseconds. */
const firstEstimateMs = 100;
/** The weight of the last job in the average duration. */
const weight = 0.1;

/**
 * Limits how many job slots of a worker some of the jobs may hold, so that slots stay free for the other jobs. A job
 * that finds no free slot does not wait in its slot: it is told when its turn will probably come. The first one is told
 * a short time and each further one a longer time, so that they do not all come back together.
 */
export function createSlotShare({ slots, now }: { slots: number; now: Clock }) {
  let running = 0;
  let averageMs = firstEstimateMs;
  /** When all jobs that were told to wait have probably run. */
  let freeAtMs = 0;

  function toBusyError(): NoFreeSlotError {
    const nowMs = now().getTime();
    freeAtMs = Math.min(Math.max(freeAtMs, nowMs) + averageMs / slots, nowMs + maxWaitMs);
    return new NoFreeSlotError(Math.round(Math.max(freeAtMs - nowMs, minWaitMs)));
  }

  return {
    /**
     * Does the work in one of the slots.
     * @throws NoFreeSlotError when no slot is free, with the time to wait
     */
    async run<T>(work: () => Promise<T>): Promise<T> {
      if (running >= slots) throw toBusyError();
      const startedAtMs = now().getTime();
      running += 1;
      try {
        return await work();
      } finally {
        running -= 1;
        averageMs += weight * (now().getTime() - startedAtMs - averageMs);
      }
    },
  };
}
