import type { GatewayConfig } from "../../config/config.js";
import { findStrayQueues, strayQueueFix } from "../../queue/stray-jobs.js";
import { createCommandConnection } from "../../queue/redis-connection.js";
import { checkTimeoutMs, ok, problem, type Finding } from "./finding.js";
import { withDeadline } from "../../core/deadline.js";

/**
 * Looks for events that producers added to a queue that no worker reads. Returns no finding when Redis is unavailable: the
 * check of Redis says why.
 */
export async function checkQueues({ redisUrl }: GatewayConfig): Promise<Finding[]> {
  const redis = createCommandConnection(redisUrl);
  const whenReady = new Promise<void>((resolve, reject) => {
    redis.once("ready", resolve);
    redis.once("error", reject);
  });
  const find = async () => {
    await whenReady;
    return findStrayQueues(redis);
  };
  try {
    const found = await withDeadline(find(), checkTimeoutMs, () => new Error("no reply from Redis"));
    if (found.length === 0) return [ok("producers", "no events wait in a queue that no worker reads")];
    return found.map(({ queue, jobs }) =>
      problem(
        "producers",
        `${jobs === 1 ? "1 job waits" : `${jobs} jobs wait`} in the queue ${queue}, which no worker reads`,
        strayQueueFix,
      ),
    );
  } catch {
    return [];
  } finally {
    redis.disconnect();
  }
}
