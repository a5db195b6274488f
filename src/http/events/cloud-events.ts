import type { IncomingHttpHeaders } from "node:http";
import { HttpProblem } from "../problem.js";
import { isJsonMediaType, parseJson, toMediaType } from "./event-body.js";

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

function parseJsonOrNone(bytes: Buffer): unknown {
  try {
    return parseJson(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Reads the data of an event from its bytes. A user id can be found in JSON only; any other data is ignored, because the
 * subject may identify the user. Data without a media type is read if it is JSON.
 *
 * @throws HttpProblem `INVALID_JSON` when the media type is JSON and the data is not
 */
function readData(mediaType: string, bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  if (mediaType === "") return parseJsonOrNone(bytes);
  return isJsonMediaType(mediaType) ? parseJson(bytes) : undefined;
}

/**
 * Converts a CloudEvent in binary mode to the equivalent structured event.
 *
 * @param mediaType the media type of the body, which is the data; empty when the request names none
 * @throws HttpProblem when a header is not percent-encoded ASCII, or the data is not what its media type says
 */
export function toStructuredEvent(headers: IncomingHttpHeaders, mediaType: string, body: Buffer): unknown {
  const event: Record<string, unknown> = { data: readData(mediaType, body) };
  for (const name of attributes) {
    const value = headers[`ce-${name}`];
    if (typeof value === "string") event[name] = decodeAttribute(name, value);
  }
  return event;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const isAbsent = (value: unknown) => value === undefined || value === null;

/**
 * Returns a CloudEvent whose data is in `data_base64` with that data in `data` (JSON Event Format for CloudEvents 1.0
 * §3.1.1), and every other message unchanged.
 *
 * @throws HttpProblem when the event has both members, or the data is invalid
 */
export function decodeBase64Data(message: unknown, index: number | undefined): unknown {
  if (typeof message !== "object" || message === null || !("data_base64" in message)) return message;
  const { specversion, data, datacontenttype, data_base64: encoded } = message as Record<string, unknown>;
  if (isAbsent(specversion) || isAbsent(encoded)) return message;
  const reject = (detail: string) => new HttpProblem("BAD_REQUEST", { detail, index });
  if (!isAbsent(data)) throw reject("The CloudEvent has both data and data_base64; send one of them.");
  if (typeof encoded !== "string" || !base64.test(encoded)) {
    throw reject("The CloudEvent's data_base64 must be a string in base64 (RFC 4648 §4).");
  }
  const mediaType = toMediaType(typeof datacontenttype === "string" ? datacontenttype : undefined);
  try {
    return { ...message, data: readData(mediaType, Buffer.from(encoded, "base64")) };
  } catch {
    throw reject("The CloudEvent's data_base64 is not JSON, which its datacontenttype says.");
  }
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
