import { randomUUID } from "node:crypto";
import type { Cluster, Redis } from "ioredis";
import type { SignupEvent } from "../core/mapping/signup-event.js";
import { deliver, SendError, type Delivery } from "./delivery.js";
import { toGatewayTarget } from "./gateway-target.js";
import { PublishError } from "./publish-error.js";
import { parseRedisUrl } from "../queue/redis-url.js";
import { toSignupEvent, type Signup } from "./signup.js";
import type { Permit } from "./semaphore.js";

export { PublishError, type PublishFailure } from "./publish-error.js";
export type { Signup } from "./signup.js";

/** Where events go: to the gateway over signed HTTP, or to the queue in Redis. */
export type SignupPublisherOptions =
  | {
      /** The gateway's address, such as `https://gateway.example.com`. */
      gatewayUrl: string;
      /** One of the gateway's `EVENTS_SIGNING_SECRETS`, `whsec_…`. */
      signingSecret: string;
    }
  | { redisUrl: string }
  /** Your own connection, without a key prefix. You close it. */
  | { connection: Redis | Cluster };

export type PublishOptions = {
  /** How long the publisher tries before the promise rejects, milliseconds. */
  deadlineMs?: number | undefined;
  /** Ends the attempts earlier. */
  signal?: AbortSignal | undefined;
};

export type SignupPublisher = {
  /**
   * Resolves with the event's id when it is acknowledged: over HTTP, stored by the gateway with majority; over the
   * queue, stored in Redis and as durable as Redis is. Temporary failures (a restart, an outage, "too many requests")
   * are retried until the deadline, 60 s by default. Any number of calls may run concurrently.
   *
   * @throws PublishError with the event in it
   */
  publish(signup: Signup, options?: PublishOptions): Promise<{ id: string }>;

  /** Rejects new events, waits for those in flight (until their deadlines if necessary), and closes connections. */
  close(): Promise<void>;
};

type Sender = {
  acquirePermit?: (() => Permit) | undefined;
  send(event: SignupEvent, timeoutMs: number): Promise<void>;
  close(): Promise<void>;
};

const defaultDeadlineMs = 60_000;

/** Checks the options immediately. Only the driver that they need is loaded. */
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
  try {
    parseRedisUrl(redisUrl);
  } catch (error) {
    throw new TypeError(`redisUrl: ${error instanceof Error ? error.message : "is invalid"}`, {
      cause: error,
    });
  }
}

function assertConnection(connection: unknown): void {
  const isConnection = typeof connection === "object" && connection !== null && "status" in connection;
  if (!isConnection) {
    throw new TypeError(
      "pass { gatewayUrl, signingSecret }, { redisUrl } or { connection } with an ioredis connection",
    );
  }
  const { options } = connection as { options?: { keyPrefix?: string } };
  if (options?.keyPrefix)
    throw new TypeError("the connection must have no keyPrefix, because BullMQ does not support one");
}

const messages = {
  refused: "the event was rejected",
  aborted: "publishing was aborted; the event may still have arrived",
  deadline: "the event was not acknowledged in time",
};

function toPublishError(event: SignupEvent, { reason, cause }: Delivery & { ok: false }): PublishError {
  const status = cause instanceof SendError ? cause.status : undefined;
  const last = reason !== "aborted" && cause instanceof Error ? `: ${cause.message}` : "";
  return new PublishError(reason, messages[reason] + last, event, { status, cause });
}

/**
 * Creates a publisher of signup events, for the services in which app users sign up.
 *
 * @throws TypeError when an option is invalid. It does not check that the address responds.
 */
export function createSignupPublisher(options: SignupPublisherOptions): SignupPublisher {
  const opened = toOpener(options)();
  // Each `publish` reports the failure.
  opened.catch(() => undefined);
  const inFlight = new Set<Promise<unknown>>();
  let isClosed = false;

  async function publishEvent(event: SignupEvent, deadlineMs: number, signal: AbortSignal | undefined) {
    const sender = await opened;
    const outcome = await deliver((timeoutMs) => sender.send(event, timeoutMs), {
      deadlineMs,
      signal,
      random: Math.random,
      acquirePermit: sender.acquirePermit,
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
      inFlight.add(published);
      return published.finally(() => inFlight.delete(published));
    },

    async close() {
      isClosed = true;
      await Promise.allSettled(inFlight);
      await opened.then(
        (sender) => sender.close(),
        () => undefined,
      );
    },
  };
}
