import type { Job } from "bullmq";
import { toAppUserId } from "../src/core/mapping/app-user-id.js";
import type { ProvisioningJob } from "../src/core/provisioning/jobs.js";
import {
  provisioningQueueName,
  type ProvisioningJobData,
  type ProvisioningQueue,
} from "../src/queue/provisioning-queue.js";
import type { Processors } from "./processors.js";
import { startQueueWorker, type QueueWorkerContext } from "./queue-worker.js";

const hasProcessor = (name: string, processors: Processors): name is ProvisioningJob =>
  Object.hasOwn(processors, name);

/** Runs the jobs of the queue `provisioning`. */
export function startProvisioningWorker({
  queue,
  processors,
  concurrency,
  jobsPerSecond,
  ...context
}: QueueWorkerContext & {
  queue: Pick<ProvisioningQueue, "pauseUntil" | "countJobs" | "getPauseMs" | "isPaused">;
  processors: Processors;
  concurrency: number;
  /** Jobs started per second over the whole fleet; 0 means no limit. */
  jobsPerSecond: number;
}) {
  async function run(job: Job<ProvisioningJobData>): Promise<void> {
    const appUserId = toAppUserId(job.data.appUserId);
    if (appUserId === null || !hasProcessor(job.name, processors)) {
      throw new Error(`job ${job.id ?? ""} has an unknown name or an invalid app user id`);
    }
    await processors[job.name](appUserId);
  }

  async function hasWaitingJobs(): Promise<boolean> {
    const { waiting = 0 } = await queue.countJobs();
    return waiting > 0 && (await queue.getPauseMs(jobsPerSecond)) === 0 && !(await queue.isPaused());
  }

  return startQueueWorker<ProvisioningJobData>({
    ...context,
    queueName: provisioningQueueName,
    concurrency,
    jobsPerSecond,
    run,
    pauseFleet: (durationMs) => queue.pauseUntil(new Date(Date.now() + durationMs)),
    hasWaitingJobs,
  });
}
