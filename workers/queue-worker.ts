import type { Job } from "bullmq";
import { queuePrefix } from "../src/queue/provisioning-queue.js";
import { createWorkerConnection } from "../src/queue/redis-connection.js";
import type { Logger } from "../src/telemetry/logger.js";
import { createThrottledWarning } from "../src/telemetry/throttled-warning.js";
import type { Random } from "../src/core/clock.js";
import { isInfoRefused } from "../src/queue/redis-refusal.js";
import { startJobWorker, type JobOutcome } from "./job-worker.js";
import { toJobRetry } from "./retry-decision.js";
import { startSupervisedWorker, type SupervisedWorker } from "./supervised-worker.js";
import { startWatchdog } from "./watchdog.js";

/** The settings and services that every queue worker gets from its process. */
export type QueueWorkerContext = {
  redisUrl: string;
  log: Logger;
  metrics: { workerRebuilt: () => void };
  random: Random;
  /** Stops the process, so that the orchestrator starts a new one. */
  shutDown: () => void;
  /** How long `close` waits for jobs in progress, milliseconds. */
  drainMs: number;
};

export type QueueWorkerOptions<D> = QueueWorkerContext & {
  queueName: string;
  concurrency: number;
  /** Jobs started per second over the whole fleet; 0 means no limit. */
  jobsPerSecond?: number;
  /** Does the work of one job. A temporary failure delays the job; any other error is a bug and uses an attempt. */
  run: (job: Job<D>) => Promise<void>;
  /** Pauses this queue for the whole fleet. Without this function, only the job itself is delayed. */
  pauseFleet?: (durationMs: number) => Promise<void>;
  /** Whether jobs are waiting that a worker could start now. Rejects while Redis is not responding. */
  hasWaitingJobs: () => Promise<boolean>;
  /** Whether `run` has already reported this failure. */
  isReported?: (error: Error) => boolean;
  /** Called with errors of BullMQ itself, which are also logged at level debug. */
  onError?: (error: Error) => void;
};

const refusedPhrase =
  "Redis refuses a command of the worker, which takes no jobs until it is accepted; the sweeper continues";
/** A permission that is missing is not fixed in seconds, milliseconds. */
const quietMs = 60_000;

/** Runs the jobs of one queue, with a BullMQ worker and a watchdog that restarts it. */
export function startQueueWorker<D>(options: QueueWorkerOptions<D>) {
  const { queueName, redisUrl, log, run } = options;

  async function runWithRetry(job: Job<D>): Promise<JobOutcome> {
    try {
      await run(job);
      return { type: "done" };
    } catch (error) {
      const retry = toJobRetry(error);
      if (retry === null) throw error;
      if (retry.type === "pause-fleet" && options.pauseFleet === undefined) {
        return { type: "delay", delayMs: retry.durationMs };
      }
      return retry;
    }
  }

  const startJobs = (onStopped: (error: Error) => void) =>
    startJobWorker<D>({
      queueName,
      prefix: queuePrefix,
      connect: () => createWorkerConnection(redisUrl),
      concurrency: options.concurrency,
      jobsPerSecond: options.jobsPerSecond ?? 0,
      run: runWithRetry,
      pauseFleet: options.pauseFleet ?? (() => Promise.resolve()),
      onFailed: (job, error) => {
        if (options.isReported?.(error) === true) return;
        const fields = { queue: queueName, job: job?.name, jobId: job?.id, attempts: job?.attemptsMade };
        log.error({ ...fields, err: error }, "a job failed");
      },
      onError: (error) => {
        log.debug({ queue: queueName, reason: error.message }, "queue error");
        options.onError?.(error);
      },
      onStopped,
      skipVersionCheck: mayNotRunInfo,
    });

  let mayNotRunInfo = false;
  const warnRefused = createThrottledWarning({ log, phrase: refusedPhrase, now: () => new Date(), quietMs });

  function onRefused(error: Error): void {
    mayNotRunInfo ||= isInfoRefused(error);
    warnRefused(error);
  }

  function onAccepted(): void {
    log.info({ queue: queueName }, "Redis accepts the commands of the worker again; it takes jobs");
  }

  let current: SupervisedWorker;
  function start(): SupervisedWorker {
    current = startSupervisedWorker({ start: startJobs, onRefused, onAccepted, random: options.random });
    return current;
  }

  const watchdog = startWatchdog({
    start,
    hasWaitingJobs: options.hasWaitingJobs,
    shutDown: () => {
      log.error({ queue: queueName }, "worker still stalled after restarts; shutting down");
      options.shutDown();
    },
    onRebuild: () => {
      options.metrics.workerRebuilt();
      log.warn({ queue: queueName }, "worker stalled with jobs waiting; restarting it");
    },
  });
  return {
    close: () => watchdog.close(options.drainMs),
    /** Whether Redis refuses commands that the worker needs, so that it starts no job. */
    isRefused: () => current.isRefused(),
  };
}
