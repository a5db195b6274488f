import { UnrecoverableError, type Job, type JobsOptions } from "bullmq";
import type { Clock } from "../src/core/clock.js";
import { createSignupEvents } from "../src/core/mapping/signup-events.js";
import type { MappingWriter } from "../src/core/mapping/mapping-writer.js";
import { appUserEventsQueueName, type AppUserEventQueue } from "../src/queue/app-user-events.js";
import { backoffType, queuePrefix, type ProvisioningQueue } from "../src/queue/provisioning-queue.js";
import { createWorkerConnection } from "../src/queue/redis-connection.js";
import type { Logger } from "../src/telemetry/logger.js";
import { startJobWorker, type JobOutcome } from "./job-worker.js";
import { readAppUserEvent } from "./read-app-user-event.js";
import { toJobRetry } from "./retry-decision.js";
import { startWatchdog } from "./watchdog.js";

/** Events recorded at once: their writes share round trips to MongoDB. */
const concurrency = 200;

/**
 * How a job is treated, whatever its producer wished: an attempt is only ever used up by a bug, what is given up stays
 * to be seen and tried again, and what is done goes.
 */
const jobRules = {
  attempts: 20,
  backoff: { type: backoffType },
  removeOnComplete: true,
  removeOnFail: { age: 30 * 24 * 3600, count: 10_000 },
  stackTraceLimit: 3,
} satisfies JobsOptions;

export type AppUserEventWorkerOptions = {
  config: { redisUrl: string };
  app: {
    writer: MappingWriter;
    queue: Pick<ProvisioningQueue, "wake">;
    eventQueue: Pick<AppUserEventQueue, "countJobs" | "isPaused" | "mendUnreadable">;
    now: Clock;
    log: Logger;
    metrics: { eventReceived: (source: string, outcome: string) => void; workerRebuilt: () => void };
  };
  giveUp: () => void;
  drainMs: number;
};

/**
 * Records the events that signup services put into the queue `app-user-events`. While MongoDB is away a job is delayed
 * and costs no attempt. A job that can never be taken goes to the failed ones, with the reason.
 */
export function startAppUserEventWorker({ config, app, giveUp, drainMs }: AppUserEventWorkerOptions) {
  const { writer, queue, eventQueue, now, log, metrics } = app;
  const events = createSignupEvents({ writer, wake: queue.wake });
  const count = (outcome: string) => {
    metrics.eventReceived("queue", outcome);
  };

  async function run(job: Job<unknown>): Promise<JobOutcome> {
    Object.assign(job.opts, jobRules);
    const read = readAppUserEvent(job, now());
    if (read.outcome === "refused") {
      count("refused");
      log.warn({ jobId: job.id, reason: read.reason }, "an event in the queue was refused");
      throw new UnrecoverableError(read.reason);
    }
    if (read.outcome === "accepted") {
      try {
        await events.record([read.event]);
      } catch (error) {
        const retry = toJobRetry(error);
        if (retry === null) throw error;
        return retry;
      }
    }
    count(read.outcome);
    return { type: "done" };
  }

  let mending: Promise<void> | null = null;

  /** BullMQ itself cannot read a job: nobody but us will ever hear of it. */
  async function mendUnreadable(): Promise<void> {
    for (const jobId of await eventQueue.mendUnreadable()) {
      log.warn({ jobId }, "a job in the queue is not as BullMQ writes it; it is mended to be judged");
    }
  }

  const start = () =>
    startJobWorker<unknown>({
      queueName: appUserEventsQueueName,
      prefix: queuePrefix,
      connect: () => createWorkerConnection(config.redisUrl),
      concurrency,
      jobsPerSecond: 0,
      run,
      pauseFleet: () => Promise.resolve(),
      onFailed: (job, error) => {
        // A refusal has been reported.
        if (error instanceof UnrecoverableError) return;
        log.error(
          { job: job?.name, jobId: job?.id, attempts: job?.attemptsMade, err: error },
          "a job failed",
        );
      },
      onError: (error) => {
        log.debug({ reason: error.message }, "the queue reports an error");
        if (!(error instanceof SyntaxError || error instanceof TypeError)) return;
        // What fails now, or is missed, is tried again when the job is taken the next time.
        mending ??= mendUnreadable()
          .catch(() => undefined)
          .finally(() => {
            mending = null;
          });
      },
    });

  async function hasWaitingJobs(): Promise<boolean> {
    const { waiting = 0, prioritized = 0 } = await eventQueue.countJobs();
    return waiting + prioritized > 0 && !(await eventQueue.isPaused());
  }

  const watchdog = startWatchdog({
    start,
    hasWaitingJobs,
    giveUp: () => {
      log.error({ queue: appUserEventsQueueName }, "new workers take no jobs either; another process has to");
      giveUp();
    },
    onRebuild: () => {
      metrics.workerRebuilt();
      log.warn({ queue: appUserEventsQueueName }, "jobs wait and the worker takes none: replacing it");
    },
  });
  return { close: () => watchdog.close(drainMs) };
}
