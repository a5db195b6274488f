import { UnrecoverableError, type Job, type JobsOptions } from "bullmq";
import { signupEventTypes } from "../src/core/mapping/signup-event.js";
import type { SignupEvents } from "../src/core/mapping/signup-events.js";
import type { EventClocks } from "../src/telemetry/event-clocks.js";
import { appUserEventsQueueName, type AppUserEventQueue } from "../src/queue/app-user-events.js";
import { backoffType } from "../src/queue/provisioning-queue.js";
import { createIgnoredEventTypes } from "../src/telemetry/ignored-event-types.js";
import { createJobNameReports } from "./job-name-reports.js";
import { startQueueWorker, type QueueWorkerContext } from "./queue-worker.js";
import { readAppUserEvent } from "./read-app-user-event.js";
import { startStrayQueueWarning } from "./stray-queue-warning.js";

/** How many events are recorded at the same time. Their writes share round trips to MongoDB. */
const concurrency = 200;

/**
 * These options replace those that the producer set. Only a bug uses an attempt. Failed jobs are kept so that an
 * operator can inspect and retry them, and completed ones are removed.
 */
const jobOptions = {
  attempts: 20,
  backoff: { type: backoffType },
  removeOnComplete: true,
  removeOnFail: { age: 30 * 24 * 3600, count: 10_000 },
  stackTraceLimit: 3,
} satisfies JobsOptions;

const ignoredTypeFix = "if these are signups or deletions, let the producer write one of the accepted types";

/**
 * Records the events that signup services add to the queue `app-user-events`. While MongoDB is unavailable a job is
 * delayed, which does not use an attempt. An invalid job fails at the first attempt, with the reason.
 */
export function startAppUserEventWorker({
  events,
  eventClocks,
  eventQueue,
  metrics,
  ...context
}: Omit<QueueWorkerContext, "metrics"> & {
  events: Pick<SignupEvents, "record">;
  eventClocks: Pick<EventClocks, "check">;
  eventQueue: Pick<AppUserEventQueue, "countJobs" | "isPaused" | "repairUnreadable" | "findStrayQueues">;
  metrics: QueueWorkerContext["metrics"] & {
    eventReceived: (source: string, outcome: string) => void;
    eventIgnored: (type: string) => void;
  };
}) {
  const { log } = context;
  const reportJobName = createJobNameReports(log);
  const reportIgnored = createIgnoredEventTypes({ log, count: metrics.eventIgnored });

  async function run(job: Job<unknown>): Promise<void> {
    Object.assign(job.opts, jobOptions);
    const read = readAppUserEvent(job);
    if (read.outcome === "refused") {
      metrics.eventReceived("queue", "refused");
      reportJobName.refused(job, read.reason);
      throw new UnrecoverableError(read.reason);
    }
    if (read.outcome === "accepted") {
      eventClocks.check("queue", read.event);
      await events.record([read.event]);
      reportJobName.accepted(job);
    } else {
      const { typeName } = read;
      reportIgnored({ source: "queue", typeName, acceptedTypes: signupEventTypes, fix: ignoredTypeFix });
    }
    metrics.eventReceived("queue", read.outcome);
  }

  async function hasWaitingJobs(): Promise<boolean> {
    const { waiting = 0, prioritized = 0 } = await eventQueue.countJobs();
    return waiting + prioritized > 0 && !(await eventQueue.isPaused());
  }

  let isRepairing = false;
  let mustRepairAgain = false;

  /** Repairs the jobs that BullMQ cannot read. Repeats this if another one is reported in the meantime. */
  async function repairUnreadable(): Promise<void> {
    mustRepairAgain = true;
    if (isRepairing) return;
    isRepairing = true;
    while (mustRepairAgain) {
      mustRepairAgain = false;
      // If a repair fails, the next worker that picks up the job reports it again.
      for (const jobId of await eventQueue.repairUnreadable().catch(() => [])) {
        log.warn({ jobId }, "BullMQ cannot read a job; repaired it so that it can be processed");
      }
    }
    isRepairing = false;
  }

  /** A job that BullMQ cannot read fails before our code runs. This error is the only sign of it. */
  function onError(error: Error): void {
    if (error instanceof SyntaxError || error instanceof TypeError) void repairUnreadable();
  }

  const strayQueueWarning = startStrayQueueWarning({ findStrayQueues: eventQueue.findStrayQueues, log });
  const worker = startQueueWorker<unknown>({
    ...context,
    metrics,
    queueName: appUserEventsQueueName,
    concurrency,
    run,
    hasWaitingJobs,
    isReported: (error) => error instanceof UnrecoverableError,
    onError,
  });
  return {
    close: () => {
      strayQueueWarning.close();
      return worker.close();
    },
  };
}
