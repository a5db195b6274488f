import { randomUUID } from "node:crypto";
import type { Cluster, Redis } from "ioredis";
import type { SignupEvent } from "../core/mapping/signup-event.js";
import { deliver, SendError, type Delivery } from "./delivery.js";
import { toGatewayTarget } from "./gateway-target.js";
import { PublishError } from "./publish-error.js";
import { toSignupEvent, type Signup } from "./signup.js";
import type { Turn } from "./semaphore.js";

export { PublishError, type PublishFailure } from "./publish-error.js";
export type { Signup } from "./signup.js";

/** Where events go: to the gateway by signed HTTP, or into the queue. */
export type SignupPublisherOptions =
  | {
      /** The gateway's address, such as `https://gateway.example.com`. */
      gatewayUrl: string;
      /** One of the gateway's `EVENTS_SIGNING_SECRETS`, `whsec_…`. */
      signingSecret: string;
    }
  | { redisUrl: string }
  /** A connection of your own, without a key prefix; you close it. */
  | { connection: Redis | Cluster };

export type PublishOptions = {
  /** How long it is tried before the promise rejects, milliseconds. */
  deadlineMs?: number | undefined;
  /** Gives up earlier. */
  signal?: AbortSignal | undefined;
};

export type SignupPublisher = {
  /**
   * Resolves with the event's id when it is acknowledged: over HTTP, stored by the gateway with majority; over the
   * queue, in Redis and no safer than Redis is. Whatever passes (a restart, an outage, "too many requests") is retried
   * until the deadline, 60 s by default. Any number of calls may run at once.
   *
   * @throws PublishError with the event in it
   */
  publish(signup: Signup, options?: PublishOptions): Promise<{ id: string }>;

  /** Takes no more events, waits for those under way (to their deadlines, if need be), and closes the connections. */
  close(): Promise<void>;
};

type Sender = {
  takeTurn?: (() => Turn) | undefined;
  send(event: SignupEvent, timeoutMs: number): Promise<void>;
  close(): Promise<void>;
};

const defaultDeadlineMs = 60_000;

/** Checks the options at once; the driver is loaded only for the way that is taken. */
function toOpener(options: SignupPublisherOptions): () => Promise<Sender> {
  if ("gatewayUrl" in options) {
    const target = toGatewayTarget(options.gatewayUrl, options.signingSecret);
    return async () => {
      const { createGatewaySender } = await import("./gateway-sender.js");
      return createGatewaySender(target, () => new Date());
    };
  }
  if ("redisUrl" in options) assertRedisUrl(options.redisUrl);
  else assertConnection(options.connection);
  return async () => {
    const { createQueueSender } = await import("./queue-sender.js");
    return createQueueSender(options);
  };
}

function assertRedisUrl(redisUrl: string): void {
  const protocol = URL.canParse(redisUrl) ? new URL(redisUrl).protocol : "";
  if (protocol !== "redis:" && protocol !== "rediss:") {
    throw new TypeError("redisUrl must be of the form redis://:password@host:6379 or rediss://…");
  }
}

function assertConnection(connection: unknown): void {
  const isConnection = typeof connection === "object" && connection !== null && "status" in connection;
  if (!isConnection) {
    throw new TypeError("give { gatewayUrl, signingSecret }, { redisUrl } or { connection } of ioredis");
  }
  const { options } = connection as { options?: { keyPrefix?: string } };
  if (options?.keyPrefix) throw new TypeError("the connection must have no keyPrefix: BullMQ takes none");
}

const phrases = {
  refused: "the event was refused",
  aborted: "publishing was aborted; the event may have arrived all the same",
  deadline: "the event was not acknowledged in time",
};

function toPublishError(event: SignupEvent, { reason, cause }: Delivery & { ok: false }): PublishError {
  const status = cause instanceof SendError ? cause.status : undefined;
  const last = reason !== "aborted" && cause instanceof Error ? `: ${cause.message}` : "";
  return new PublishError(reason, phrases[reason] + last, event, { status, cause });
}

/**
 * Makes a publisher of signup events, for the services in which app users sign up.
 *
 * @throws TypeError when an option cannot be right; an address that does not answer is no reason
 */
export function createSignupPublisher(options: SignupPublisherOptions): SignupPublisher {
  const opened = toOpener(options)();
  // Reported by each `publish`.
  opened.catch(() => undefined);
  const underWay = new Set<Promise<unknown>>();
  let isClosed = false;

  async function publishEvent(event: SignupEvent, deadlineMs: number, signal: AbortSignal | undefined) {
    const sender = await opened;
    const outcome = await deliver((timeoutMs) => sender.send(event, timeoutMs), {
      deadlineMs,
      signal,
      random: Math.random,
      takeTurn: sender.takeTurn,
    });
    if (!outcome.ok) throw toPublishError(event, outcome);
    return { id: event.id };
  }

  return {
    async publish(signup, { deadlineMs = defaultDeadlineMs, signal } = {}) {
      const read = toSignupEvent(signup, { now: new Date(), newId: () => `evt_${randomUUID()}` });
      if ("problem" in read) throw new PublishError("invalid", read.problem, signup);
      if (isClosed) throw new PublishError("closed", "the publisher is closed", read.event);
      if (!(deadlineMs > 0)) throw new PublishError("invalid", "deadlineMs must be more than 0", read.event);
      const published = publishEvent(read.event, deadlineMs, signal);
      underWay.add(published);
      return published.finally(() => underWay.delete(published));
    },

    async close() {
      isClosed = true;
      await Promise.allSettled(underWay);
      await opened.then(
        (sender) => sender.close(),
        () => undefined,
      );
    },
  };
}
