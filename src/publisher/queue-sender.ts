import type { Cluster, Redis } from "ioredis";
import { createBatcher, type Outcome } from "../core/batching.js";
import type { SignupEvent } from "../core/mapping/signup-event.js";
import { createAppUserEventQueue } from "../queue/app-user-events.js";
import { createCommandConnection } from "../queue/redis-connection.js";
import { SendError, waitedTooLong } from "./delivery.js";

const toSendError = (error: unknown) =>
  new SendError(error instanceof Error ? error.message : "Redis failed", { cause: error });

type Waiting = { event: SignupEvent; endsAt: number };

const sent: Outcome<null> = { ok: true, value: null };
const late: Outcome<null> = { ok: false, error: new SendError(waitedTooLong) };

/**
 * Adds events to the queue `app-user-events`. Events published at the same moment share a round trip.
 *
 * A connection that the caller passes stays open. A connection that is opened here is closed here.
 */
export function createQueueSender(target: { redisUrl: string } | { connection: Redis | Cluster }) {
  const ownsConnection = "redisUrl" in target;
  const redis = ownsConnection ? createCommandConnection(target.redisUrl) : target.connection;
  // Each attempt that fails reports its own reason.
  const queue = createAppUserEventQueue({ redis, onError: () => undefined });

  async function sendBatch(events: readonly SignupEvent[]): Promise<void> {
    // A lazy connection has to be opened.
    if (redis.status === "wait") redis.connect().catch(() => undefined);
    try {
      await queue.add(events);
    } catch (error) {
      throw toSendError(error);
    }
  }

  const sendOne = createBatcher<Waiting, null>({
    maxItems: 500,
    async run(waiting) {
      // The caller of an event that waited too long has already received a rejection.
      const now = performance.now();
      const events = waiting.filter(({ endsAt }) => now < endsAt).map(({ event }) => event);
      if (events.length > 0) await sendBatch(events);
      return waiting.map(({ endsAt }) => (now < endsAt ? sent : late));
    },
  });

  return {
    /** Resolves when the event is in Redis. What Redis loses is lost. */
    async send(event: SignupEvent, timeoutMs: number): Promise<void> {
      await sendOne({ event, endsAt: performance.now() + timeoutMs });
    },
    sendBatch,
    async close(): Promise<void> {
      await queue.close();
      if (ownsConnection) redis.disconnect();
    },
  };
}
