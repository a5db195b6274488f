import { strayQueueFix, type StrayQueue } from "../src/queue/stray-jobs.js";
import type { Logger } from "../src/telemetry/logger.js";

const retryMs = 5_000;

/**
 * Warns once when events of producers with wrong settings wait in a queue that no worker reads. While Redis is not
 * responding, it tries again.
 */
export function startStrayQueueWarning({
  findStrayQueues,
  log,
}: {
  findStrayQueues: () => Promise<StrayQueue[]>;
  log: Logger;
}): { close: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  async function check(): Promise<void> {
    try {
      const queues = await findStrayQueues();
      if (queues.length === 0 || isClosed) return;
      log.warn({ queues, fix: strayQueueFix }, "events wait in a queue that no worker reads");
    } catch {
      if (!isClosed) timer = setTimeout(() => void check(), retryMs).unref();
    }
  }

  void check();
  return {
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
