import { onTestFinished } from "vitest";
import { createProvisioningQueue } from "../../../src/queue/provisioning-queue.js";
import { createCommandConnection } from "../../../src/queue/redis-connection.js";
import { waitUntil } from "../wait-until.js";

/** Connects to the provisioning queue until the current test has finished. */
export async function openQueue(redisUrl: string) {
  const redis = createCommandConnection(redisUrl);
  const queue = createProvisioningQueue({ redis, onError: () => undefined });
  onTestFinished(async () => {
    await queue.close();
    redis.disconnect();
  });
  await waitUntil("Redis is connected", () => queue.isReachable());
  return queue;
}
