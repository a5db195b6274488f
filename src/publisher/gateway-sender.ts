import { createHmac } from "node:crypto";
import type { Clock } from "../core/clock.js";
import type { SignupEvent } from "../core/mapping/signup-event.js";
import { createPool } from "../http-client/pool.js";
import { parseRetryAfterMs } from "../http-client/retry-after.js";
import { sendRequest, HttpRequestError, type HttpResponse } from "../http-client/send-request.js";
import { SendError } from "./delivery.js";
import type { GatewayTarget } from "./gateway-target.js";
import { createTurns } from "./semaphore.js";

const maxConnections = 16;
/** How much of a refusal is repeated in an error. */
const maxDetailLength = 300;
const retryableStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

type GatewayAnswer = { accepted?: unknown; ignored?: unknown; code?: unknown; detail?: unknown };

function parseAnswer(text: string): GatewayAnswer {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** One event in our own form, by which the gateway recognises it; its id is that of the message. */
export const toMessage = ({ type, appUserId, occurredAt }: SignupEvent) => ({
  type,
  timestamp: occurredAt.toISOString(),
  data: { id: appUserId },
});

/**
 * Sends signed messages to the gateway's event ingress. Every attempt is signed anew, because a signature is good for
 * five minutes; the id stays.
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

  function toSendError(answer: HttpResponse, { code, detail }: GatewayAnswer): SendError {
    const { status } = answer;
    const text = [code, detail].filter((part) => typeof part === "string").join(": ");
    const isFinal = status < 500 && !retryableStatuses.has(status);
    const message = `the gateway answered ${status} ${text}`.trim().slice(0, maxDetailLength);
    return new SendError(message, {
      status,
      isFinal,
      retryAfterMs: parseRetryAfterMs(answer.headers, now()),
    });
  }

  async function send(id: string, messages: unknown, count: number, timeoutMs: number): Promise<void> {
    const answer = await post(id, JSON.stringify(messages), timeoutMs);
    const body = parseAnswer(answer.text);
    if (answer.status !== 202) throw toSendError(answer, body);
    // Anything may answer 202; only the gateway says how many it has stored.
    if (body.accepted === count) return;
    const message = "the answer 202 is not that of a gateway: is the address right?";
    throw new SendError(message, { status: 202, isFinal: true });
  }

  return {
    /** As many as there are connections: an attempt is never over before it has begun. */
    takeTurn: createTurns(maxConnections),

    /** Resolves when the event is stored with majority. */
    send: (event: SignupEvent, timeoutMs: number) => send(event.id, toMessage(event), 1, timeoutMs),

    /** Resolves when all of them are stored: they are taken whole or not at all. */
    sendBatch: (id: string, events: readonly SignupEvent[], timeoutMs: number) =>
      send(id, events.map(toMessage), events.length, timeoutMs),

    /** Cuts off what is still under way. */
    close: () => pool.destroy(),
  };
}
