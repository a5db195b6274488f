import { createHmac, timingSafeEqual, verify, type KeyObject } from "node:crypto";
import { clockToleranceMs } from "../../core/mapping/event-time.js";

/** A message as its sender signed it, with the raw bytes of its body. */
type SignedMessage = { id: string; timestamp: string; signature: string; body: Buffer };

export type SigningKeys = {
  /** For `v1`: HMAC-SHA256. */
  hmac: readonly KeyObject[];
  /** For `v1a`: ed25519 public keys. */
  ed25519: readonly KeyObject[];
};

// The work for one request is bounded before the sender is authenticated. An HMAC is computed once per key, however
// many signatures there are. An ed25519 check costs a hundred times as much, and is made per signature and key.
const maxHeaderLength = 4096;
const maxIdLength = 256;
const maxSignatures = 16;
const maxPublicKeySignatures = 4;
const ed25519SignatureBytes = 64;

/** Compares texts that depend on a secret, in a time that does not reveal where they differ. */
export function isSameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Returns why a timestamp (digits, in units of `unitMs`) is invalid, or `null`. */
function findTimestampProblem(timestamp: string, unitMs: number, nowMs: number): string | null {
  if (!/^\d{1,15}$/.test(timestamp)) return "The signature timestamp is not a number.";
  const isCurrent = Math.abs(nowMs - Number(timestamp) * unitMs) <= clockToleranceMs;
  return isCurrent
    ? null
    : "The signature timestamp differs from this server's clock by more than five minutes.";
}

function isHmacOf(message: SignedMessage, candidates: readonly string[], key: KeyObject): boolean {
  const hmac = createHmac("sha256", key).update(`${message.id}.${message.timestamp}.`).update(message.body);
  const expected = hmac.digest("base64");
  // Compares the encoded texts instead of the decoded bytes: several base64 texts can decode to the same bytes.
  return candidates.some((candidate) => isSameText(candidate, expected));
}

function hasPublicKeySignature(message: SignedMessage, signatures: readonly string[], keys: SigningKeys) {
  if (signatures.length === 0 || keys.ed25519.length === 0) return false;
  const signed = Buffer.concat([Buffer.from(`${message.id}.${message.timestamp}.`), message.body]);
  return signatures.some((text) => {
    const signature = Buffer.from(text, "base64");
    if (signature.length !== ed25519SignatureBytes || signature.toString("base64") !== text) return false;
    return keys.ed25519.some((key) => verify(null, signed, key, signature));
  });
}

/**
 * Returns the signatures of one version, separated by spaces in the header. Supabase adds a comma, and so does a proxy
 * that joins repeated headers.
 */
function parseSignatures(header: string, version: string, max: number): string[] {
  const prefix = `${version},`;
  return header
    .split(/,? /, maxSignatures)
    .filter((signature) => signature.startsWith(prefix))
    .slice(0, max)
    .map((signature) => signature.slice(prefix.length));
}

/**
 * Checks that one of the keys has signed a message; returns why not, or `null`.
 *
 * The scheme is Standard Webhooks, which Svix uses with other header names: `v1` is the HMAC-SHA256 of
 * `id.timestamp.body`, and `v1a` is its ed25519 signature. The header may contain several signatures and there may be
 * several keys, so that both sides can rotate; one matching pair is enough.
 */
export function findSignatureProblem(
  message: SignedMessage,
  keys: SigningKeys,
  nowMs: number,
): string | null {
  if (message.id.length > maxIdLength || message.signature.length > maxHeaderLength) {
    return "A signature header is too long.";
  }
  const problem = findTimestampProblem(message.timestamp, 1000, nowMs);
  if (problem !== null) return problem;
  const candidates = parseSignatures(message.signature, "v1", maxSignatures);
  if (candidates.length > 0 && keys.hmac.some((key) => isHmacOf(message, candidates, key))) return null;
  const publicKeySignatures = parseSignatures(message.signature, "v1a", maxPublicKeySignatures);
  return hasPublicKeySignature(message, publicKeySignatures, keys) ? null : "Invalid signature.";
}

/**
 * Like `findSignatureProblem`, for one header of the format `t=<timestamp>,v1=<hex>`, where `v1` is the HMAC-SHA256 of
 * `timestamp.body`. WorkOS sends the timestamp in milliseconds, Zitadel in seconds.
 */
export function findTimestampedSignatureProblem(
  message: { header: string; unitMs: number; body: Buffer },
  keys: readonly KeyObject[],
  nowMs: number,
): string | null {
  if (message.header.length > maxHeaderLength) return "A signature header is too long.";
  const parts = message.header.split(/, ?/, maxSignatures);
  const timestamp = parts.find((part) => part.startsWith("t="))?.slice(2) ?? "";
  const problem = findTimestampProblem(timestamp, message.unitMs, nowMs);
  if (problem !== null) return problem;
  const isSigned = keys.some((key) => {
    const expected = createHmac("sha256", key).update(`${timestamp}.`).update(message.body).digest("hex");
    return parts.some((part) => isSameText(part, `v1=${expected}`));
  });
  return isSigned ? null : "Invalid signature.";
}

const hexSha256 = /^[0-9a-f]{64}$/i;

/**
 * Checks a header that contains only the HMAC-SHA256 of the body in hexadecimal; returns why it is invalid, or `null`. The
 * signature contains no time, so the check does not detect replays.
 *
 * Source: `HttpSenderEventListenerProvider.java` of p2-inc/keycloak-events, `calculateHmacSha`.
 */
export function findBodySignatureProblem(
  signature: string,
  body: Buffer,
  keys: readonly KeyObject[],
): string | null {
  if (!hexSha256.test(signature)) {
    return "The signature is not an HMAC-SHA256 in hexadecimal; configure the sender to use HmacSHA256.";
  }
  const expected = signature.toLowerCase();
  const isSigned = keys.some((key) =>
    isSameText(createHmac("sha256", key).update(body).digest("hex"), expected),
  );
  return isSigned ? null : "Invalid signature.";
}
