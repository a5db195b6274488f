import { describePlaceholder } from "./token-placeholders.js";

/** A parsed JSON object from an untrusted source. Read its own members with `member`. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A decoded token. Nothing in it is verified yet. */
export type ReadToken = Readonly<{ compact: string; header: JsonObject; claims: JsonObject }>;

/** A problem of a token. */
export type Finding = Readonly<{
  /** For the log. Never contains the token or a claim with personal data. */
  reason: string;
  /** The suggested fix: what to set or change. */
  fix?: string;
  /**
   * `expired`: the response says so. `scope`: the token is valid but lacks the required scope. `placeholder`: the app sent
   * a text in the place of a token.
   */
  kind?: "expired" | "scope" | "placeholder";
}>;

const maxTokenBytes = 8 * 1024;

/** RFC 7515 §7.1 with base64url of RFC 4648 §5: no padding, no spaces, nothing else. */
const compactPattern = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** RFC 7516 §7.1: five parts, of which the encrypted key may be empty. */
const encryptedPattern = /^[\w-]+(?:\.[\w-]*){4}$/;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Parses a JSON object in UTF-8. Returns `null` for anything else. */
export function parseJsonObject(bytes: Uint8Array): JsonObject | null {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : null;
  } catch {
    return null;
  }
}

export const isStringArray = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");

/** Returns an own member, so that `constructor` and `__proto__` are ordinary claims. */
export const member = (object: JsonObject, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined;

function describeFormatProblem(compact: string): Finding {
  const placeholder = describePlaceholder(compact);
  if (placeholder !== null) return placeholder;
  if (encryptedPattern.test(compact)) {
    return {
      reason: "the token is encrypted (five parts)",
      fix: "request the audience of this API in the app, and turn off encrypted tokens for this API",
    };
  }
  if (!compact.includes(".")) {
    return {
      reason: "the token is opaque, not a JWT",
      fix: "send a JWT access token: request the audience of this API in the app, or turn on JWT access tokens at the issuer",
    };
  }
  return {
    reason: "the token is not a JWT of three base64url parts",
    fix: "send only the token, complete and on one line, without padding",
  };
}

/** Decodes a compact token, or returns why it is not one. Verifies nothing. */
export function readToken(compact: string): ReadToken | Finding {
  if (compact.length > maxTokenBytes) {
    return {
      reason: `the token is longer than ${maxTokenBytes} bytes`,
      fix: "configure the issuer to leave groups, roles and profile data out of access tokens",
    };
  }
  if (!compactPattern.test(compact)) return describeFormatProblem(compact);
  const [head = "", payload = ""] = compact.split(".");
  const header = parseJsonObject(Buffer.from(head, "base64url"));
  if (header === null) return { reason: "the token header is not a JSON object" };
  const claims = parseJsonObject(Buffer.from(payload, "base64url"));
  if (claims === null) return { reason: "the token claims are not a JSON object" };
  return { compact, header, claims };
}
