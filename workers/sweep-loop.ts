import type { Clock, Random } from "../src/core/clock.js";
import { endsWithin } from "../src/core/deadline.js";
import { createSweeper } from "../src/core/provisioning/sweeper.js";
import type { Mappings } from "../src/mongo/mappings.js";
import type { ProvisioningQueue } from "../src/queue/provisioning-queue.js";
import { toReason, type Logger } from "../src/telemetry/logger.js";
import type { Processors } from "./processors.js";
import { toJobRetry } from "./retry-decision.js";

/** Time between two sweeps, milliseconds. Jitter is added so that workers do not sweep at the same moment. */
const sweepEveryMs = 1_000;
/** The time after a sweep that found work while Redis is down and therefore ran the jobs itself, milliseconds. */
const directEveryMs = 100;

/** Runs a sweeper until it is closed. A failed sweep does not stop the loop. */
export function startSweepLoop({
  mappings,
  queue,
  processors,
  now,
  random,
  log,
  metrics,
}: {
  mappings: Mappings;
  queue: ProvisioningQueue;
  processors: Processors;
  now: Clock;
  random: Random;
  log: Logger;
  metrics: { reenqueued: (count: number) => void };
}) {
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let currentSweep = Promise.resolve();

  const sweeper = createSweeper({
    mappings,
    queue,
    now,
    random,
    onReenqueued: metrics.reenqueued,
    async runJob(job, appUserId) {
      // After a temporary failure the mapping becomes due again. Only a bug is logged.
      await processors[job](appUserId).catch((error: unknown) => {
        if (toJobRetry(error) === null) log.error({ job, err: error }, "unexpected error in a sweep");
      });
    },
  });

  async function sweep(): Promise<void> {
    const claimed = await sweeper.sweep().catch((error: unknown) => {
      log.warn({ reason: toReason(error) }, "a sweep failed");
      return 0;
    });
    if (isClosed) return;
    const everyMs = claimed > 0 && !queue.isReachable() ? directEveryMs : sweepEveryMs;
    timer = setTimeout(start, everyMs * (0.5 + random()));
  }

  function start(): void {
    currentSweep = sweep();
  }

  start();
  return {
    /** Waits for the sweep in progress, for `graceMs` at most. While MongoDB is frozen, a sweep takes longer. */
    async close(graceMs: number): Promise<void> {
      isClosed = true;
      clearTimeout(timer);
      await endsWithin(currentSweep, graceMs).catch(() => undefined);
    },
  };
}
