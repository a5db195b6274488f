import { Redis } from "ioredis";
import { withDeadline } from "../core/deadline.js";
import { parseRedisUrl } from "./redis-url.js";

/** The longest wait between two attempts to reconnect, milliseconds. */
const maxReconnectMs = 2_000;

/** How often a connection may be replaced because its server became a replica, milliseconds. */
const failoverMs = 5_000;

/**
 * After a failover the old master is a replica: reconnect, and send the command again. A server that stays a replica
 * refuses that too, so the next reconnection waits.
 */
function createReconnectOnError() {
  let reconnectedAtMs = -failoverMs;
  return (error: Error) => {
    const nowMs = performance.now();
    if (!error.message.startsWith("READONLY") || nowMs - reconnectedAtMs < failoverMs) return false;
    reconnectedAtMs = nowMs;
    return 2 as const;
  };
}

const base = {
  // A subscriber sends no commands: without TCP probes it would never notice that its connection is dead.
  keepAlive: 10_000,
  retryStrategy: (attempts: number) => Math.min(attempts * 100, maxReconnectMs),
};

/**
 * Creates a connection for commands that fail immediately while Redis is unavailable. With `enableAutoPipelining` the
 * commands of one turn of the event loop share a round trip.
 */
export function createCommandConnection(url: string, { enableAutoPipelining = false } = {}): Redis {
  const redis = new Redis({
    ...base,
    reconnectOnError: createReconnectOnError(),
    ...parseRedisUrl(url),
    enableAutoPipelining,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 2_000,
    connectTimeout: 2_000,
    // A command that times out does not close its connection. A connection whose other end has disappeared would stay
    // in use for every command until the kernel closes it, 15 minutes later.
    socketTimeout: 3_000,
    // ioredis does not handle a failure of its own resubscription. Subscribers subscribe at every `ready` instead.
    autoResubscribe: false,
  });
  // Without a listener ioredis prints every failed attempt to connect.
  redis.on("error", () => undefined);
  return redis;
}

export type WorkerConnection = {
  redis: Redis;
  /** Closes the connection and its duplicates. */
  disconnect(): void;
};

/**
 * Creates a connection for a BullMQ worker. Its commands wait until Redis is back; the watchdog bounds that wait.
 *
 * BullMQ duplicates the connection for its blocking command, and leaves the duplicate open if Redis refuses the QUIT, for
 * example because the password has changed: it would reconnect for ever.
 */
export function createWorkerConnection(url: string): WorkerConnection {
  const connections: Redis[] = [];
  let isClosed = false;

  function add(redis: Redis): Redis {
    redis.on("error", () => undefined);
    redis.duplicate = (options) => add(Redis.prototype.duplicate.call(redis, options));
    if (isClosed) redis.disconnect();
    connections.push(redis);
    return redis;
  }

  const redis = add(
    new Redis({
      ...base,
      reconnectOnError: createReconnectOnError(),
      ...parseRedisUrl(url),
      maxRetriesPerRequest: null,
    }),
  );
  return {
    redis,
    disconnect() {
      isClosed = true;
      for (const connection of connections) connection.disconnect();
    },
  };
}

/**
 * Creates a connection for one examination of the server: it connects once, and sends commands also to a server that is
 * loading its data or that refuses them. Its first failure says why.
 */
export const createProbeConnection = (url: string): Redis =>
  new Redis({
    ...parseRedisUrl(url),
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    retryStrategy: () => null,
    commandTimeout: 2_000,
    connectTimeout: 2_000,
  });

/** Bounds a command that may never get a reply. Redis may still carry it out later. */
export const withRedisTimeout = <T>(command: Promise<T>, timeoutMs: number): Promise<T> =>
  withDeadline(command, timeoutMs, () => new Error(`no reply from Redis within ${timeoutMs} ms`));
