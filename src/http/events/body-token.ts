import { createHmac, hash, verify, type KeyObject } from "node:crypto";
import { isSameText } from "./signatures.js";

const maxTokenLength = 4096;

type Algorithm = { digest: "sha256" | "sha384" | "sha512" | null; type: string; curve?: string };

/** What signs under each name (RFC 7518 §3.1, RFC 8037 §3.1), and with which kind of key: never with another one. */
const algorithms: Readonly<Record<string, Algorithm>> = {
  HS256: { digest: "sha256", type: "secret" },
  HS384: { digest: "sha384", type: "secret" },
  HS512: { digest: "sha512", type: "secret" },
  RS256: { digest: "sha256", type: "rsa" },
  RS384: { digest: "sha384", type: "rsa" },
  RS512: { digest: "sha512", type: "rsa" },
  ES256: { digest: "sha256", type: "ec", curve: "prime256v1" },
  ES384: { digest: "sha384", type: "ec", curve: "secp384r1" },
  ES512: { digest: "sha512", type: "ec", curve: "secp521r1" },
  EdDSA: { digest: null, type: "ed25519" },
};

const isKeyFor = ({ type, curve }: Algorithm, key: KeyObject) =>
  (key.asymmetricKeyType ?? key.type) === type &&
  (curve === undefined || key.asymmetricKeyDetails?.namedCurve === curve);

/** Whether a key is one that such a token can be signed with. */
export const canSignBodyToken = (key: KeyObject): boolean =>
  Object.values(algorithms).some((algorithm) => isKeyFor(algorithm, key));

function parsePart(part: string): Record<string, unknown> {
  try {
    const value = JSON.parse(Buffer.from(part, "base64url").toString()) as unknown;
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isSignedWith(key: KeyObject, { digest }: Algorithm, signed: string, signature: string): boolean {
  if (key.type === "secret") {
    return isSameText(
      createHmac(digest ?? "sha256", key)
        .update(signed)
        .digest("base64url"),
      signature,
    );
  }
  const bytes = Buffer.from(signature, "base64url");
  if (bytes.toString("base64url") !== signature) return false;
  return verify(digest, Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }, bytes);
}

/**
 * Says why a JSON Web Token does not prove a body, or `null` when it does: it is signed with one of our keys, and its
 * claim `request_body_sha256` is the base64 of the body's SHA-256. It names no time, and so can be sent again.
 *
 * Source: FusionAuth's documentation, "Sign Webhooks".
 */
export function bodyTokenProblem(token: string, body: Buffer, keys: readonly KeyObject[]): string | null {
  if (token.length > maxTokenLength) return "the token of the signature is too long";
  const [head, claims, signature, ...more] = token.split(".");
  if (head === undefined || claims === undefined || signature === undefined || more.length > 0) {
    return "the signature is not a JSON Web Token";
  }
  const { alg, crit } = parsePart(head);
  const algorithm = typeof alg === "string" && Object.hasOwn(algorithms, alg) ? algorithms[alg] : undefined;
  if (algorithm === undefined || crit !== undefined) return "the token is signed in a way that is not known";
  const isSigned = keys
    .filter((key) => isKeyFor(algorithm, key))
    .some((key) => isSignedWith(key, algorithm, `${head}.${claims}`, signature));
  if (!isSigned) return "no signature fits";
  const { request_body_sha256: expected } = parsePart(claims);
  const isOfBody = typeof expected === "string" && isSameText(hash("sha256", body, "base64"), expected);
  return isOfBody ? null : "the token is signed for another body";
}
