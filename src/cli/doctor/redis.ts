import type { Redis } from "ioredis";
import type { GatewayConfig } from "../../config/config.js";
import { createCommandConnection } from "../../queue/redis-connection.js";
import { checkService, ok, problem, type Finding } from "./finding.js";

/** Waits for the first connection. Rejects with the first failure, which says more than a timeout. */
const whenReady = (redis: Redis) =>
  new Promise<void>((resolve, reject) => {
    redis.once("ready", resolve);
    redis.once("error", reject);
  });

/** Checks the connection, the eviction policy and the persistence. */
export async function checkRedis({ redisUrl }: GatewayConfig): Promise<Finding[]> {
  const redis = createCommandConnection(redisUrl);
  const findings = await checkService("Redis", "check REDIS_URL, and that Redis is running", async () => {
    await whenReady(redis);
    const memory = await redis.info("memory");
    const persistence = await redis.info("persistence");
    const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1] ?? "unknown";
    const isKept = persistence.includes("aof_enabled:1");
    return [
      ok("Redis", "responds"),
      policy === "noeviction"
        ? ok("Redis eviction", policy)
        : problem("Redis eviction", policy, "set maxmemory-policy noeviction: jobs must not be evicted"),
      isKept
        ? ok("Redis persistence", "append-only file is on")
        : problem("Redis persistence", "append-only file is off", "set appendonly yes"),
    ];
  });
  redis.disconnect();
  return findings;
}
