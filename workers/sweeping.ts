import type { Clock, Random } from "../src/core/clock.js";
import { endsWithin } from "../src/core/deadline.js";
import { createSweeper } from "../src/core/provisioning/sweeper.js";
import type { Mappings } from "../src/mongo/mappings.js";
import type { ProvisioningQueue } from "../src/queue/provisioning-queue.js";
import type { Logger } from "../src/telemetry/logger.js";
import type { Processors } from "./processors.js";
import { toJobRetry } from "./retry-decision.js";

/** Between two rounds, milliseconds; jittered, so that workers do not sweep in step. */
const sweepEveryMs = 1_000;
/** Where the queue is away and the sweeper does the work, it asks for more as soon as some is done. */
const directEveryMs = 100;

/** Runs a sweeper for the life of the process; a round that fails is followed by the next one. */
export function startSweeping({
  app,
  work,
}: {
  app: {
    mappings: Mappings;
    queue: ProvisioningQueue;
    now: Clock;
    random: Random;
    log: Logger;
    metrics: { reenqueued: (count: number) => void };
  };
  work: Processors;
}) {
  const { mappings, queue, now, random, log, metrics } = app;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let round = Promise.resolve();

  const sweeper = createSweeper({
    mappings,
    queue,
    now,
    random,
    onReenqueued: metrics.reenqueued,
    async runJob(job, appUserId) {
      // What may pass is due again by itself; only a bug is news.
      await work[job](appUserId).catch((error: unknown) => {
        if (toJobRetry(error) === null) log.error({ job, err: error }, "unexpected error in a sweep");
      });
    },
  });

  async function sweep(): Promise<void> {
    const claimed = await sweeper.sweep().catch((error: unknown) => {
      log.warn({ reason: error instanceof Error ? error.message : "unknown error" }, "a sweep failed");
      return 0;
    });
    if (isClosed) return;
    const everyMs = claimed > 0 && !queue.isReachable() ? directEveryMs : sweepEveryMs;
    timer = setTimeout(start, everyMs * (0.5 + random()));
  }

  function start(): void {
    round = sweep();
  }

  start();
  return {
    /** Lets the round under way finish, for `graceMs` at most: at a MongoDB that is frozen it takes longer. */
    async close(graceMs: number): Promise<void> {
      isClosed = true;
      clearTimeout(timer);
      await endsWithin(round, graceMs).catch(() => undefined);
    },
  };
}
