import { hash, type KeyObject } from "node:crypto";
import { compactVerify } from "jose";
import { isSameText } from "./signatures.js";

const maxTokenLength = 4096;

const algorithmsOfCurve: Readonly<Record<string, string>> = {
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
};

/** What a key may have signed with (RFC 7518 §3.1, RFC 8037 §3.1): never with the algorithm of another kind of key. */
function listAlgorithms({ type, asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string[] {
  if (type === "secret") return ["HS256", "HS384", "HS512"];
  if (asymmetricKeyType === "rsa") return ["RS256", "RS384", "RS512"];
  if (asymmetricKeyType === "ed25519") return ["EdDSA"];
  const ofCurve = algorithmsOfCurve[asymmetricKeyDetails?.namedCurve ?? ""];
  return ofCurve === undefined ? [] : [ofCurve];
}

/** Whether a key is one that such a token can be signed with. */
export const canSignBodyToken = (key: KeyObject): boolean => listAlgorithms(key).length > 0;

/** The claims of a token that one of the keys has signed, else `null`. */
async function verify(token: string, keys: readonly KeyObject[]): Promise<Record<string, unknown> | null> {
  for (const key of keys) {
    try {
      const { payload } = await compactVerify(token, key, { algorithms: listAlgorithms(key) });
      const claims = JSON.parse(Buffer.from(payload).toString()) as unknown;
      return typeof claims === "object" ? (claims as Record<string, unknown> | null) : null;
    } catch {
      // Perhaps the next key: while secrets are exchanged there are two.
    }
  }
  return null;
}

/**
 * Says why a JSON Web Token does not prove a body, or `null` when it does: it is signed with one of our keys, and its
 * claim `request_body_sha256` is the base64 of the body's SHA-256. It names no time, and so can be sent again.
 *
 * Source: FusionAuth's documentation, "Sign Webhooks".
 */
export async function bodyTokenProblem(
  token: string,
  body: Buffer,
  keys: readonly KeyObject[],
): Promise<string | null> {
  if (token.length > maxTokenLength) return "the token of the signature is too long";
  const claims = await verify(token, keys);
  if (claims === null) return "no signature fits";
  const expected = claims.request_body_sha256;
  const isOfBody = typeof expected === "string" && isSameText(hash("sha256", body, "base64"), expected);
  return isOfBody ? null : "the token is signed for another body";
}
