import { hash, type KeyObject } from "node:crypto";
import { compactVerify } from "jose";
import { isSameText } from "./signatures.js";

const maxTokenLength = 4096;

const algorithmByCurve: Readonly<Record<string, string>> = {
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
};

/** Returns the only algorithms that a token may use with a key of this kind (RFC 7518 §3.1, RFC 8037 §3.1). */
function listAlgorithms({ type, asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string[] {
  if (type === "secret") return ["HS256", "HS384", "HS512"];
  if (asymmetricKeyType === "rsa") return ["RS256", "RS384", "RS512"];
  if (asymmetricKeyType === "ed25519") return ["EdDSA"];
  const algorithm = algorithmByCurve[asymmetricKeyDetails?.namedCurve ?? ""];
  return algorithm === undefined ? [] : [algorithm];
}

/** Whether a key is of a kind that can verify a token that signs a request body. */
export const canVerifyBodyJwt = (key: KeyObject): boolean => listAlgorithms(key).length > 0;

/** Returns the claims of a token if one of the keys has signed it, otherwise `null`. */
async function verify(token: string, keys: readonly KeyObject[]): Promise<Record<string, unknown> | null> {
  for (const key of keys) {
    try {
      const { payload } = await compactVerify(token, key, { algorithms: listAlgorithms(key) });
      const claims = JSON.parse(Buffer.from(payload).toString()) as unknown;
      return typeof claims === "object" ? (claims as Record<string, unknown> | null) : null;
    } catch {
      // The next key may match: during a rotation there are two.
    }
  }
  return null;
}

/**
 * Checks a JSON Web Token that signs a request body: one of the keys must have signed it, and its claim
 * `request_body_sha256` must be the base64 of the body's SHA-256. Returns why the token is invalid, or `null`. The token
 * contains no time, so the check does not detect replays.
 *
 * Source: FusionAuth's documentation, "Sign Webhooks".
 */
export async function findBodyJwtProblem(
  token: string,
  body: Buffer,
  keys: readonly KeyObject[],
): Promise<string | null> {
  if (token.length > maxTokenLength) return "The signature token is too long.";
  const claims = await verify(token, keys);
  if (claims === null) return "Invalid signature.";
  const expected = claims.request_body_sha256;
  const isSameBody = typeof expected === "string" && isSameText(hash("sha256", body, "base64"), expected);
  return isSameBody ? null : "The signature token is for a different body.";
}
