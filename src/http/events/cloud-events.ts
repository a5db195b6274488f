import type { IncomingHttpHeaders } from "node:http";
import { EventRefusal } from "./refusal.js";

const attributes = ["specversion", "type", "source", "id", "time", "subject"] as const;

/** Whether a request is a CloudEvent in binary mode, with its attributes in `ce-*` headers and its data as body. */
export function isBinaryCloudEvent(headers: IncomingHttpHeaders, mediaType: string): boolean {
  return headers["ce-specversion"] !== undefined && !mediaType.startsWith("application/cloudevents");
}

/** HTTP Protocol Binding for CloudEvents 1.0 §3.1.3.2: quotes belong to the header, the rest is percent-encoded. */
function decodeAttribute(name: string, value: string): string {
  const quoted = /^"(.*)"$/.exec(value);
  const text = quoted?.[1] === undefined ? value : quoted[1].replaceAll(/\\(.)/g, "$1");
  try {
    // A header arrives as Latin-1: what is beyond ASCII would be another user's id without anybody noticing.
    if (/^[\x20-\x7e]*$/.test(text)) return decodeURIComponent(text);
  } catch {
    // Falls through to the refusal.
  }
  throw new EventRefusal("BAD_REQUEST", `the header ce-${name} must be percent-encoded ASCII`);
}

/**
 * A CloudEvent in binary mode as the structured one that says the same.
 *
 * @param data what the body holds, or `undefined` where it is empty
 * @throws EventRefusal when a header is not percent-encoded
 */
export function toStructuredEvent(headers: IncomingHttpHeaders, data: unknown): unknown {
  const event: Record<string, unknown> = { data };
  for (const name of attributes) {
    const value = headers[`ce-${name}`];
    if (typeof value === "string") event[name] = decodeAttribute(name, value);
  }
  return event;
}

const requestOrigin = /^[A-Za-z0-9.:_-]{1,253}$/;

/**
 * The answer to the handshake by which a CloudEvents sender asks whether it may send at all (HTTP 1.1 Web Hooks for
 * Event Delivery, §4), or `null` when it is none. Everybody may: what is sent is judged by its proof.
 */
export function getHandshakeHeaders(headers: IncomingHttpHeaders): Record<string, string> | null {
  const origin = headers["webhook-request-origin"];
  if (typeof origin !== "string" || !requestOrigin.test(origin)) return null;
  return { allow: "POST", "webhook-allowed-origin": origin, "webhook-allowed-rate": "*" };
}
