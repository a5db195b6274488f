/** A parsed JSON object of a stranger: own members only, read with `member`. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A token taken apart, nothing of it believed yet. */
export type ReadToken = Readonly<{ compact: string; header: JsonObject; claims: JsonObject }>;

export type Finding = Readonly<{
  /** For the log: what is wrong. Never the token, never a claim that is personal data. */
  reason: string;
  /** What to set or change. */
  fix?: string;
  /** `expired` may be told to the caller; `scope` is a refusal of another kind. */
  kind?: "expired" | "scope";
}>;

export const maxTokenBytes = 8 * 1024;

/** RFC 7515 §7.1 with base64url of RFC 4648 §5: no padding, no spaces, nothing else. */
const compactPattern = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** RFC 7516 §7.1: five parts, of which the key may be empty. */
const encryptedPattern = /^[\w-]+(?:\.[\w-]*){4}$/;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads UTF-8 JSON whose top is an object; `null` for anything else. */
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

/** An own member, so that `constructor` and `__proto__` are claims like any other. */
export const member = (object: JsonObject, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined;

function describeFormatProblem(compact: string): Finding {
  if (encryptedPattern.test(compact)) {
    return {
      reason: "an encrypted token (five parts)",
      fix: "let the app ask for the audience of this API, and switch encrypted tokens off for it",
    };
  }
  if (!compact.includes(".")) {
    return {
      reason: "an opaque token, no JWT",
      fix: "let the app send a JWT access token: ask for this API's audience, or switch JWT access tokens on at the issuer",
    };
  }
  return {
    reason: "no JWT of three base64url parts",
    fix: "send the token alone, whole and on one line: nothing around it, no padding",
  };
}

/** Takes a compact token apart, or says why it is none. Nothing is verified here. */
export function readToken(compact: string): ReadToken | Finding {
  if (compact.length > maxTokenBytes) {
    return {
      reason: `longer than ${maxTokenBytes} bytes`,
      fix: "let the issuer leave groups, roles and profile data out of access tokens",
    };
  }
  if (!compactPattern.test(compact)) return describeFormatProblem(compact);
  const [head = "", payload = ""] = compact.split(".");
  const header = parseJsonObject(Buffer.from(head, "base64url"));
  if (header === null) return { reason: "the header is no JSON object" };
  const claims = parseJsonObject(Buffer.from(payload, "base64url"));
  if (claims === null) return { reason: "the claims are no JSON object" };
  return { compact, header, claims };
}
