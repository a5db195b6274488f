import type { Redis } from "ioredis";
import { queuePrefix } from "../../queue/provisioning-queue.js";
import { strayKeyPatterns } from "../../queue/stray-jobs.js";
import { toRedisCause } from "../../queue/redis-refusal.js";
import { ok, problem, type Finding } from "./finding.js";

/** Keys of the doctor. Each command has its own, because commands of different types cannot share a key. */
const toKey = (command: string) => `${queuePrefix}:doctor:${command}`;
const channel = `${queuePrefix}:doctor`;

/** The rules that an ACL user needs, and no others. */
export const aclRules = [
  ...["~{vital}:*", ...strayKeyPatterns.map((pattern) => `~${pattern}`), "resetchannels", "&{vital}:*"],
  ...["+@read", "+@write", "+@pubsub", "+@scripting", "+@transaction", "+@connection", "+select"],
  ...["-@dangerous", "+info", "+client|setname", "+client|setinfo"],
];

/** The commands that the gateway, BullMQ and the scripts of both run, with arguments that change nothing else. */
const commands: readonly (readonly [string, ...string[]])[] = [
  ["DEL"],
  ["EXISTS"],
  ["EXPIRE", "1"],
  ["GET"],
  ["HDEL", "f"],
  ["HEXISTS", "f"],
  ["HGET", "f"],
  ["HGETALL"],
  ["HINCRBY", "f", "1"],
  ["HMGET", "f"],
  ["HMSET", "f", "1"],
  ["HSET", "f", "1"],
  ["INCR"],
  ["INCRBY", "1"],
  ["LINDEX", "0"],
  ["LLEN"],
  ["LPOP"],
  ["LPUSH", "v"],
  ["LRANGE", "0", "0"],
  ["LREM", "0", "v"],
  ["LTRIM", "0", "0"],
  ["PERSIST"],
  ["PEXPIRE", "1"],
  ["PTTL"],
  ["RPOP"],
  ["RPUSH", "v"],
  ["SADD", "v"],
  ["SCARD"],
  ["SET", "v", "PX", "1000"],
  ["SMEMBERS"],
  ["SREM", "v"],
  ["TTL"],
  ["XADD", "*", "f", "v"],
  ["XTRIM", "MAXLEN", "0"],
  ["ZADD", "1", "v"],
  ["ZCARD"],
  ["ZCOUNT", "0", "1"],
  ["ZPOPMIN"],
  ["BZPOPMIN", "0.01"],
  ["ZRANGE", "0", "0"],
  ["ZRANGEBYSCORE", "0", "1"],
  ["ZREM", "v"],
  ["ZREMRANGEBYRANK", "0", "0"],
  ["ZREMRANGEBYSCORE", "0", "1"],
  ["ZREVRANGE", "0", "0"],
  ["ZREVRANGEBYSCORE", "1", "0"],
  ["ZSCORE", "v"],
];

type Refused = { command: string; reason: string };

async function findRefused(redis: Redis): Promise<Refused[]> {
  const key = toKey("script");
  const calls: [string, () => Promise<unknown>][] = [
    ...commands.map(([command, ...args]): [string, () => Promise<unknown>] => [
      command,
      () => redis.call(command, toKey(command), ...args),
    ]),
    ["RPOPLPUSH", () => redis.rpoplpush(toKey("RPOPLPUSH"), toKey("RPOPLPUSH"))],
    ["EVAL", () => redis.eval("return 1", 1, key)],
    // The script is unknown on purpose: a user who may run the command gets NOSCRIPT.
    ["EVALSHA", () => redis.evalsha("0".repeat(40), 1, key)],
    ["MULTI", () => redis.multi().exists(key).exec()],
    ["PUBLISH", () => redis.publish(channel, "")],
    ["INFO", () => redis.info("server")],
  ];
  const refused: Refused[] = [];
  for (const [command, call] of calls) {
    await call().catch((error: unknown) => {
      const cause = toRedisCause(error);
      const reason = cause instanceof Error ? cause.message : String(cause);
      // A wrong type, or a script that does not exist: the command itself was accepted.
      if (!/^(?:WRONGTYPE|NOSCRIPT)\b/.test(reason)) refused.push({ command, reason });
    });
  }
  await redis.del(...commands.map(([command]) => toKey(command))).catch(() => undefined);
  return refused;
}

/** Subscribes on a connection of its own, because a subscribed connection accepts no other command. */
async function canSubscribe(redis: Redis): Promise<Refused[]> {
  const subscriber = redis.duplicate();
  subscriber.on("error", () => undefined);
  try {
    await subscriber.connect();
    await subscriber.subscribe(channel);
    return [];
  } catch (error) {
    return [{ command: "SUBSCRIBE", reason: error instanceof Error ? error.message : String(error) }];
  } finally {
    subscriber.disconnect();
  }
}

const setUser = (username: string) => `ACL SETUSER ${username} ${aclRules.join(" ")}`;

/** What to change for each reason that Redis gives, by its first word. */
const fixes: Record<string, (username: string) => string> = {
  NOPERM: (username) => `grant the permissions: ${setUser(username)}`,
  READONLY: () => "set REDIS_URL to the primary: this server is a read-only replica",
  OOM: () => "raise maxmemory: Redis accepts no more data, and jobs must not be evicted",
  MOVED: () => "set REDIS_URL to a single Redis server: Redis Cluster is not supported",
  CLUSTERDOWN: () => "set REDIS_URL to a single Redis server: Redis Cluster is not supported",
  MISCONF: () => "free the disk that Redis persists to: it refuses writes while it cannot save them",
  NOREPLICAS: () => "start the replicas of Redis, or lower min-replicas-to-write",
  LOADING: () => "wait until Redis has loaded its data",
  NOAUTH: () => "set the password of Redis in REDIS_URL: redis://:PASSWORD@HOST",
  MASTERDOWN: () => "set REDIS_URL to the primary: this server is a replica without one",
};

const listed = (refused: readonly Refused[]) => refused.map(({ command }) => command).join(", ");

/** Tries each command that the processes need, and reports those that Redis refuses, grouped by its reason. */
export async function checkRedisCommands(redis: Redis): Promise<Finding[]> {
  const refused = [...(await findRefused(redis)), ...(await canSubscribe(redis))];
  if (refused.length === 0) return [ok("Redis commands", "all accepted")];
  const username = redis.options.username ?? "default";
  const byWord = new Map<string, Refused[]>();
  for (const entry of refused) {
    const [word = ""] = entry.reason.split(" ");
    byWord.set(word, [...(byWord.get(word) ?? []), entry]);
  }
  return [...byWord].map(([word, entries]) => {
    const [first] = entries;
    const fix =
      fixes[word]?.(username) ?? "use a Redis server that supports these commands, from version 6.2";
    return problem("Redis commands", `refused: ${listed(entries)} (${first?.reason ?? word})`, fix);
  });
}
