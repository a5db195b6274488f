import type { GatewayConfig } from "../../config/config.js";
import { createProbeConnection } from "../../queue/redis-connection.js";
import { checkService, ok, problem, type Finding } from "./finding.js";
import { toConnectionFix, whenConnected } from "./redis-connect.js";
import { checkRedisCommands } from "./redis-permissions.js";

const readField = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];

/** BullMQ needs 5.0. */
const minMajorVersion = 5;
/** From this share of its memory on, a Redis that evicts nothing will soon refuse jobs. */
const maxMemoryShare = 0.9;

function checkServer(info: string): Finding[] {
  const version = readField(info, "redis_version") ?? "unknown";
  const role = readField(info, "role");
  const isOld = Number.parseInt(version, 10) < minMajorVersion;
  const [used, max] = [Number(readField(info, "used_memory")), Number(readField(info, "maxmemory"))];
  const isFull = max > 0 && used / max >= maxMemoryShare;
  return [
    isOld
      ? problem("Redis version", version, `use Redis ${minMajorVersion}.0 or newer; 6.2 is recommended`)
      : ok("Redis version", version),
    ...(role === "slave" || role === "replica"
      ? [problem("Redis role", "read-only replica", "set REDIS_URL to the primary")]
      : []),
    ...(readField(info, "cluster_enabled") === "1"
      ? [
          problem(
            "Redis mode",
            "node of a Redis Cluster",
            "set REDIS_URL to a single Redis server: Redis Cluster is not supported",
          ),
        ]
      : []),
    ...(isFull
      ? [problem("Redis memory", `${used} of ${max} bytes used`, "raise maxmemory, or find what fills Redis")]
      : []),
  ];
}

function checkDurability(info: string): Finding[] {
  const policy = readField(info, "maxmemory_policy") ?? "unknown";
  return [
    policy === "noeviction"
      ? ok("Redis eviction", policy)
      : problem("Redis eviction", policy, "set maxmemory-policy noeviction: jobs must not be evicted"),
    readField(info, "aof_enabled") === "1"
      ? ok("Redis persistence", "append-only file is on")
      : problem("Redis persistence", "append-only file is off", "set appendonly yes"),
  ];
}

/** Checks the connection, the commands that the processes need, the server, its eviction policy and its persistence. */
export async function checkRedis({ redisUrl }: GatewayConfig): Promise<Finding[]> {
  const redis = createProbeConnection(redisUrl);
  const toFix = (reason: string) => toConnectionFix(redisUrl, reason);
  const findings = await checkService("Redis", toFix, async () => {
    await whenConnected(redis);
    // A user who may not run INFO gets a finding about that command.
    const info = await redis.info().catch(() => null);
    return [
      ok("Redis", "responds"),
      ...(info === null ? [] : [...checkServer(info), ...checkDurability(info)]),
      ...(await checkRedisCommands(redis)),
    ];
  });
  redis.disconnect();
  return findings;
}
