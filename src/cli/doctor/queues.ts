import type { Redis } from "ioredis";
import type { GatewayConfig } from "../../config/config.js";
import { withDeadline } from "../../core/deadline.js";
import { appUserEventsQueueName } from "../../queue/app-user-events.js";
import { provisioningQueueName, queuePrefix } from "../../queue/provisioning-queue.js";
import { createProbeConnection } from "../../queue/redis-connection.js";
import { findStrayQueues, strayQueueFix } from "../../queue/stray-jobs.js";
import { checkTimeoutMs, ok, problem, type Finding } from "./finding.js";
import { whenConnected } from "./redis-connect.js";

const queueNames = [appUserEventsQueueName, provisioningQueueName];

/** Looks for events that producers added to a queue that no worker reads. */
async function checkProducers(redis: Redis): Promise<Finding[]> {
  const found = await findStrayQueues(redis);
  if (found.length === 0) return [ok("producers", "no events wait in a queue that no worker reads")];
  return found.map(({ queue, jobs }) =>
    problem(
      "producers",
      `${jobs === 1 ? "1 job waits" : `${jobs} jobs wait`} in the queue ${queue}, which no worker reads`,
      strayQueueFix,
    ),
  );
}

/** Looks for queues that an operator has paused, with BullMQ's `pause` or a dashboard. Workers take no job from them. */
async function checkPauses(redis: Redis): Promise<Finding[]> {
  const paused = await Promise.all(
    queueNames.map(async (name) => (await redis.hexists(`${queuePrefix}:${name}:meta`, "paused")) === 1),
  );
  return queueNames
    .filter((_, index) => paused[index])
    .map((name) =>
      problem(
        "queues",
        `the queue ${name} is paused, and no worker takes its jobs`,
        "resume it in the dashboard that paused it, or with the method resume of a BullMQ queue",
      ),
    );
}

/** Checks the queues. Returns no finding when Redis is unavailable: the check of Redis says why. */
export async function checkQueues({ redisUrl }: GatewayConfig): Promise<Finding[]> {
  const redis = createProbeConnection(redisUrl);
  const runChecks = async () => {
    await whenConnected(redis);
    const findings = await Promise.all([checkProducers(redis), checkPauses(redis)]);
    return findings.flat();
  };
  try {
    return await withDeadline(runChecks(), checkTimeoutMs, () => new Error("no reply from Redis"));
  } catch {
    return [];
  } finally {
    redis.disconnect();
  }
}
