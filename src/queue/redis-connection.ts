import { Redis } from "ioredis";
import { withDeadline } from "../core/deadline.js";

/** Between attempts to reach Redis again, milliseconds at most. */
const maxReconnectMs = 2_000;

const base = {
  // A subscriber sends nothing: without probes it would never notice that its connection is dead.
  keepAlive: 10_000,
  retryStrategy: (attempts: number) => Math.min(attempts * 100, maxReconnectMs),
  // A master that became a replica: reconnect, and send the command again.
  reconnectOnError: (error: Error) => (error.message.startsWith("READONLY") ? (2 as const) : false),
};

/**
 * For commands whose caller does not wait for Redis to come back: they fail at once while it is away. With
 * `enableAutoPipelining` those of one turn of the event loop travel together.
 */
export function createCommandConnection(url: string, { enableAutoPipelining = false } = {}): Redis {
  const redis = new Redis(url, {
    ...base,
    enableAutoPipelining,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 2_000,
    connectTimeout: 2_000,
    // A command that times out leaves its connection as it is: one whose other end has vanished would be kept, and
    // every command sent into it, until the kernel gives up a quarter of an hour later.
    socketTimeout: 3_000,
    // ioredis lets the failure of its own resubscription go unhandled; whoever subscribes does so at every `ready`.
    autoResubscribe: false,
  });
  // Without a listener ioredis prints every failed attempt to connect.
  redis.on("error", () => undefined);
  return redis;
}

/** For a BullMQ worker, whose commands wait until Redis is back. A watchdog sees to it that they do not for ever. */
export function createWorkerConnection(url: string): Redis {
  const redis = new Redis(url, { ...base, maxRetriesPerRequest: null });
  redis.on("error", () => undefined);
  return redis;
}

/** Bounds a command that may never get a reply. Redis may still carry it out later. */
export const withRedisTimeout = <T>(command: Promise<T>, timeoutMs: number): Promise<T> =>
  withDeadline(command, timeoutMs, () => new Error(`no reply from Redis within ${timeoutMs} ms`));
