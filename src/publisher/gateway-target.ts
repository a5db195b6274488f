import { createSecretKey, type KeyObject } from "node:crypto";

/** Where signed events go, and the key that signs them. A `KeyObject` does not print its bytes. */
export type GatewayTarget = { origin: string; path: string; key: KeyObject };

const eventsPath = "/v1/events";
const signingSecretFormat = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?)$/;

function toSigningKey(signingSecret: string): KeyObject {
  const bytes = Buffer.from(signingSecretFormat.exec(signingSecret)?.[1] ?? "", "base64");
  if (bytes.length < 24 || bytes.length > 64) {
    throw new TypeError("signingSecret must be whsec_ followed by the base64 of 24 to 64 bytes");
  }
  return createSecretKey(bytes);
}

/**
 * Parses the gateway's address, with or without `/v1/events`, and one of its `EVENTS_SIGNING_SECRETS`.
 * @throws TypeError that says what is invalid, and repeats neither value
 */
export function toGatewayTarget(gatewayUrl: string, signingSecret: string): GatewayTarget {
  const url = URL.canParse(gatewayUrl) ? new URL(gatewayUrl) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new TypeError("gatewayUrl must be the gateway's address, such as https://gateway.example.com");
  }
  const base = url.pathname.replace(/\/+$/, "");
  const path = base.endsWith(eventsPath) ? base : base + eventsPath;
  return { origin: url.origin, path, key: toSigningKey(signingSecret) };
}
