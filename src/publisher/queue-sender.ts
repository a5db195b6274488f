import type { Cluster, Redis } from "ioredis";
import { createBatcher } from "../batching.js";
import type { SignupEvent } from "../core/signup-event.js";
import { createAppUserEventQueue } from "../queue/app-user-events.js";
import { createCommandConnection } from "../queue/redis-connection.js";
import { SendError } from "./delivery.js";

const toSendError = (error: unknown) =>
  new SendError(error instanceof Error ? error.message : "Redis failed", { cause: error });

/**
 * Adds events to the queue `app-user-events`. Events published at the same moment share a round trip.
 *
 * A connection that is given stays the caller's; one that is made here is closed here.
 */
export function createQueueSender(target: { redisUrl: string } | { connection: Redis | Cluster }) {
  const isOurs = "redisUrl" in target;
  const redis = isOurs ? createCommandConnection(target.redisUrl) : target.connection;
  // An attempt says it better: each one that fails carries its reason.
  const queue = createAppUserEventQueue({ redis, onError: () => undefined });

  async function sendBatch(events: readonly SignupEvent[]): Promise<void> {
    // A lazy connection waits to be asked.
    if (redis.status === "wait") redis.connect().catch(() => undefined);
    try {
      await queue.add(events);
    } catch (error) {
      throw toSendError(error);
    }
  }

  const sendOne = createBatcher<SignupEvent, null>({
    maxItems: 500,
    async run(events) {
      await sendBatch(events);
      return events.map(() => ({ ok: true, value: null }));
    },
  });

  return {
    /** Resolves when the event is in Redis; what Redis loses is lost. */
    async send(event: SignupEvent): Promise<void> {
      await sendOne(event);
    },
    sendBatch,
    async close(): Promise<void> {
      await queue.close();
      if (isOurs) redis.disconnect();
    },
  };
}
