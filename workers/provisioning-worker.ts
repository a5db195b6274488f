import type { Job } from "bullmq";
import { toAppUserId, type AppUserId } from "../src/core/mapping/app-user-id.js";
import type { ProvisioningJob } from "../src/core/provisioning/jobs.js";
import {
  provisioningQueueName,
  queuePrefix,
  type ProvisioningQueue,
} from "../src/queue/provisioning-queue.js";
import { createWorkerConnection } from "../src/queue/redis-connection.js";
import type { Logger } from "../src/telemetry/logger.js";
import { startJobWorker, type JobOutcome } from "./job-worker.js";
import type { Processors } from "./processors.js";
import { toJobRetry } from "./retry-decision.js";
import { startWatchdog } from "./watchdog.js";

const hasProcessor = (name: string, work: Processors): name is ProvisioningJob => Object.hasOwn(work, name);

/** Runs the jobs of the `provisioning` queue, watched by a watchdog. */
export function startProvisioningWorker({
  config,
  app,
  work,
  giveUp,
  drainMs,
}: {
  config: { redisUrl: string; workerConcurrency: number; vitalRateLimit: number };
  app: { queue: ProvisioningQueue; log: Logger; metrics: { workerRebuilt: () => void } };
  work: Processors;
  giveUp: () => void;
  drainMs: number;
}) {
  const { queue, log, metrics } = app;

  async function run(job: Job<{ appUserId: AppUserId }>): Promise<JobOutcome> {
    const appUserId = toAppUserId(job.data.appUserId);
    if (appUserId === null || !hasProcessor(job.name, work)) {
      throw new Error(`the job ${job.id ?? ""} is not one of ours`);
    }
    try {
      await work[job.name](appUserId);
      return { type: "done" };
    } catch (error) {
      const retry = toJobRetry(error);
      if (retry === null) throw error;
      return retry;
    }
  }

  const start = () =>
    startJobWorker<{ appUserId: AppUserId }>({
      queueName: provisioningQueueName,
      prefix: queuePrefix,
      connect: () => createWorkerConnection(config.redisUrl),
      concurrency: config.workerConcurrency,
      jobsPerSecond: config.vitalRateLimit,
      run,
      pauseFleet: (durationMs) => queue.pauseUntil(new Date(Date.now() + durationMs)),
      onFailed: (job, error) => {
        log.error(
          { job: job?.name, jobId: job?.id, attempts: job?.attemptsMade, err: error },
          "a job failed",
        );
      },
      onError: (error) => {
        log.debug({ reason: error.message }, "the queue reports an error");
      },
    });

  async function hasWaitingJobs(): Promise<boolean> {
    const { waiting = 0 } = await queue.countJobs();
    return waiting > 0 && (await queue.getPauseMs(config.vitalRateLimit)) === 0 && !(await queue.isPaused());
  }

  const watchdog = startWatchdog({
    start,
    hasWaitingJobs,
    giveUp: () => {
      log.error({}, "new workers take no jobs either; another process has to");
      giveUp();
    },
    onRebuild: () => {
      metrics.workerRebuilt();
      log.warn({}, "jobs wait and the worker takes none: replacing it");
    },
  });
  return { close: () => watchdog.close(drainMs) };
}
