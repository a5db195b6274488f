import { createHmac } from "node:crypto";
import type { Clock } from "../core/clock.js";
import type { SignupEvent } from "../core/mapping/signup-event.js";
import { createPool } from "../http-client/pool.js";
import { parseRetryAfterMs } from "../http-client/retry-after.js";
import { sendRequest, HttpRequestError, type HttpResponse } from "../http-client/send-request.js";
import { SendError } from "./delivery.js";
import type { GatewayTarget } from "./gateway-target.js";
import { createSemaphore } from "./semaphore.js";

const maxConnections = 16;
/** How much of the gateway's problem response an error repeats. */
const maxDetailLength = 300;
const retryableStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

type GatewayResponseBody = { accepted?: unknown; ignored?: unknown; code?: unknown; detail?: unknown };

function parseBody(text: string): GatewayResponseBody {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Converts an event to the gateway's own event format. The id of the event is the id of the message. */
const toMessage = ({ type, appUserId, occurredAt }: SignupEvent) => ({
  type,
  timestamp: occurredAt.toISOString(),
  data: { id: appUserId },
});

/**
 * Sends signed messages to the gateway's event ingress. Every attempt gets a new signature, because a signature is
 * valid for five minutes. The id stays the same.
 *
 * Source of headers and signature: the specification of Standard Webhooks.
 */
export function createGatewaySender({ origin, path, key }: GatewayTarget, now: Clock) {
  const pool = createPool(origin, { connections: maxConnections, connectTimeoutMs: 5_000 });

  function toHeaders(id: string, body: string): Record<string, string> {
    const timestamp = String(Math.floor(now().getTime() / 1000));
    const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
    return {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${signature}`,
    };
  }

  async function post(id: string, body: string, timeoutMs: number): Promise<HttpResponse> {
    const request = { method: "POST" as const, path, headers: toHeaders(id, body), body };
    try {
      return await sendRequest(pool, request, { timeoutMs });
    } catch (error) {
      const reason = error instanceof HttpRequestError ? error.message : "the request could not be sent";
      throw new SendError(reason, { cause: error });
    }
  }

  function toSendError(response: HttpResponse, { code, detail }: GatewayResponseBody): SendError {
    const { status } = response;
    const text = [code, detail].filter((part) => typeof part === "string").join(": ");
    const isFinal = status < 500 && !retryableStatuses.has(status);
    const message = `the gateway responded ${status} ${text}`.trim().slice(0, maxDetailLength);
    return new SendError(message, {
      status,
      isFinal,
      retryAfterMs: parseRetryAfterMs(response.headers, now()),
    });
  }

  async function send(id: string, messages: unknown, count: number, timeoutMs: number): Promise<void> {
    const response = await post(id, JSON.stringify(messages), timeoutMs);
    const body = parseBody(response.text);
    if (response.status !== 202) throw toSendError(response, body);
    // Any server may respond 202. Only the gateway says how many events it stored.
    if (body.accepted === count) return;
    const message = "the 202 response does not come from a gateway: check gatewayUrl";
    throw new SendError(message, { status: 202, isFinal: true });
  }

  return {
    /** One permit per connection, so that an attempt never spends its timeout waiting for a connection. */
    acquirePermit: createSemaphore(maxConnections),

    /** Resolves when the event is stored with majority. */
    send: (event: SignupEvent, timeoutMs: number) => send(event.id, toMessage(event), 1, timeoutMs),

    /** Resolves when all events are stored. The gateway stores all of them or none. */
    sendBatch: (id: string, events: readonly SignupEvent[], timeoutMs: number) =>
      send(id, events.map(toMessage), events.length, timeoutMs),

    /** Aborts the requests in flight. */
    close: () => pool.destroy(),
  };
}
