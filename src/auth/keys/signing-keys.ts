import { importJWK } from "jose";
import type { CryptoKey, KeyObject } from "jose";

/** A key that verifies tokens of one algorithm. As long as it is published unchanged, it is the same object. */
export type SigningKey = Readonly<{
  /** Optional in a key set (RFC 7517 §4.5). */
  kid: string | undefined;
  /** `EdDSA` for both names of that algorithm. */
  algorithm: string;
  key: CryptoKey | KeyObject;
  /** The public parameters, for comparing keys with different names. */
  publicKey: string;
  /** Identifies the key. When a refresh returns the same material, the key object is reused. */
  material: string;
}>;

export type Jwk = Readonly<Record<string, unknown>>;

/** The kind of key that each algorithm needs (RFC 7518 §3.1, RFC 8037, RFC 9864). */
const keyKinds: Readonly<Record<string, { kty: string; crv?: string; members: readonly string[] }>> = {
  ...Object.fromEntries(
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map((name) => [
      name,
      { kty: "RSA", members: ["n", "e"] },
    ]),
  ),
  ES256: { kty: "EC", crv: "P-256", members: ["crv", "x", "y"] },
  ES384: { kty: "EC", crv: "P-384", members: ["crv", "x", "y"] },
  ES512: { kty: "EC", crv: "P-521", members: ["crv", "x", "y"] },
  EdDSA: { kty: "OKP", crv: "Ed25519", members: ["crv", "x"] },
};

/** RFC 9864 renamed `EdDSA` with the curve Ed25519 to `Ed25519`. Issuers use both names, also in one token and its key. */
export const toAlgorithm = (name: string): string => (name === "Ed25519" ? "EdDSA" : name);

/** All supported algorithms are asymmetric. */
export const supportedAlgorithms: readonly string[] = [...Object.keys(keyKinds), "Ed25519"];

const minRsaBits = 2048;

function jwkProblem(jwk: Jwk): string | null {
  if (jwk.kid !== undefined && typeof jwk.kid !== "string") return "has a kid that is not a string";
  if (jwk.kty === "oct") return "is symmetric";
  if ("d" in jwk || "k" in jwk) return "is published with its private part";
  if (jwk.use !== undefined && jwk.use !== "sig") return "is not for signatures (use)";
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify"))) {
    return "is not for signatures (key_ops)";
  }
  return null;
}

/** Returns the length in bits of a big-endian number in base64url (RFC 7515 §2), without leading zero bytes. */
const bitLength = (number: unknown): number => {
  const bytes = typeof number === "string" ? Buffer.from(number, "base64url") : Buffer.alloc(0);
  const start = bytes.findIndex((byte) => byte !== 0);
  return start < 0 ? 0 : (bytes.length - start - 1) * 8 + (32 - Math.clz32(bytes[start] ?? 0));
};

const curves = new Set(Object.values(keyKinds).map(({ crv }) => crv));

/** Returns why the public parameters of a JWK cannot be used, or `null`. */
function parameterProblem(jwk: Jwk): string | null {
  if (typeof jwk.crv === "string" && !curves.has(jwk.crv)) {
    return `uses the curve ${jwk.crv.slice(0, 20)}, which is not supported`;
  }
  const kind = Object.values(keyKinds).find(({ kty }) => kty === jwk.kty);
  const missing = (kind?.members ?? []).filter((name) => typeof jwk[name] !== "string");
  if (missing.length === 0) return null;
  const isCertificate = "x5c" in jwk || "x5u" in jwk || "x5t" in jwk;
  const reason = isCertificate ? "; a key that is only a certificate (x5c) is not supported" : "";
  return `has no ${missing.join(" and no ")}${reason}`;
}

const isWeak = (jwk: Jwk): boolean =>
  jwk.kty === "RSA" && (bitLength(jwk.n) < minRsaBits || bitLength(jwk.e) < 2);

/** Returns a `kid`, or `undefined` for a missing or empty one. */
export const toKeyId = (kid: unknown): string | undefined =>
  typeof kid === "string" && kid !== "" ? kid : undefined;

type ImportedJwk = { keys: readonly SigningKey[]; problem: string | null };

/**
 * Imports one JWK as one key for each accepted algorithm that its type, curve and `alg` allow. Uses only the public
 * parameters of the JWK, so that nothing else in it (`x5c`, `x5u`) has an effect.
 *
 * Reuses the keys in `knownKeys` with the same material. `problem` says why a JWK cannot be used.
 */
export async function importSigningKeys(
  jwk: Jwk,
  algorithms: readonly string[],
  knownKeys: ReadonlySet<SigningKey>,
): Promise<ImportedJwk> {
  const problem =
    jwkProblem(jwk) ??
    parameterProblem(jwk) ??
    (isWeak(jwk) ? `is a weak RSA key (modulus under ${minRsaBits} bits, or exponent under 2)` : null);
  if (problem !== null) return { keys: [], problem };
  const kid = toKeyId(jwk.kid);
  const ownAlgorithm = typeof jwk.alg === "string" ? toAlgorithm(jwk.alg) : jwk.alg;
  const matching = [...new Set(algorithms.map(toAlgorithm))].filter((algorithm) => {
    const kind = keyKinds[algorithm];
    return kind?.kty === jwk.kty && kind?.crv === jwk.crv && (ownAlgorithm ?? algorithm) === algorithm;
  });
  if (matching.length === 0) return { keys: [], problem: "matches none of the accepted algorithms" };
  try {
    const keys = await Promise.all(
      matching.map(async (algorithm): Promise<SigningKey> => {
        const members = ["kty", ...(keyKinds[algorithm]?.members ?? [])];
        const publicJwk = Object.fromEntries(members.map((name) => [name, jwk[name]]));
        const publicKey = JSON.stringify(publicJwk);
        const material = JSON.stringify([kid, algorithm, publicKey]);
        for (const key of knownKeys) if (key.material === material) return key;
        return {
          kid,
          algorithm,
          publicKey,
          material,
          key: (await importJWK(publicJwk, algorithm)) as CryptoKey,
        };
      }),
    );
    return { keys, problem: null };
  } catch {
    return { keys: [], problem: "cannot be imported" };
  }
}
