import type { IncomingHttpHeaders } from "node:http";
import { HttpProblem } from "../problem.js";

const attributes = ["specversion", "type", "source", "id", "time", "subject"] as const;

/** Whether a request is a CloudEvent in binary mode, with its attributes in `ce-*` headers and its data as the body. */
export function isBinaryCloudEvent(headers: IncomingHttpHeaders, mediaType: string): boolean {
  return headers["ce-specversion"] !== undefined && !mediaType.startsWith("application/cloudevents");
}

/** Removes the quotes of a header value and decodes it (HTTP Protocol Binding for CloudEvents 1.0 §3.1.3.2). */
function decodeAttribute(name: string, value: string): string {
  const quoted = /^"(.*)"$/.exec(value);
  const text = quoted?.[1] === undefined ? value : quoted[1].replaceAll(/\\(.)/g, "$1");
  try {
    // Node.js decodes headers as Latin-1: a non-ASCII character would silently turn one user's id into another's.
    if (/^[\x20-\x7e]*$/.test(text)) return decodeURIComponent(text);
  } catch {
    // Invalid percent-encoding is rejected below.
  }
  throw new HttpProblem("BAD_REQUEST", { detail: `The header ce-${name} must be percent-encoded ASCII.` });
}

/**
 * Converts a CloudEvent in binary mode to the equivalent structured event.
 *
 * @param data the parsed body, or `undefined` when the body is empty
 * @throws HttpProblem when a header is not percent-encoded ASCII
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
 * Returns the response headers of the handshake in which a CloudEvents sender asks for permission to send (HTTP 1.1 Web
 * Hooks for Event Delivery, §4), or `null` when the request is not a handshake. Every sender gets permission, because
 * each event is authenticated when it arrives.
 */
export function getHandshakeHeaders(headers: IncomingHttpHeaders): Record<string, string> | null {
  const origin = headers["webhook-request-origin"];
  if (typeof origin !== "string" || !requestOrigin.test(origin)) return null;
  return { allow: "POST", "webhook-allowed-origin": origin, "webhook-allowed-rate": "*" };
}
