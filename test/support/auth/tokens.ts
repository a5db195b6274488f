import {
  constants,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type JsonWebKey,
  type KeyObject,
} from "node:crypto";

/** A key of a test issuer: the private key that signs, and the JWK that is published. */
export type TestKey = { kid: string; algorithm: string; privateKey: KeyObject; jwk: JsonWebKey };

const generators: Record<string, () => KeyObject> = {
  RS: () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
  PS: () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
  ES: () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  Ed: () => generateKeyPairSync("ed25519").privateKey,
};

export function createTestKey(kid: string, algorithm: string, existingKey?: KeyObject): TestKey {
  const privateKey = existingKey ?? generators[algorithm.slice(0, 2)]?.();
  if (privateKey === undefined) throw new Error(`no generator for ${algorithm}`);
  const jwk = { ...createPublicKey(privateKey).export({ format: "jwk" }), kid, use: "sig", alg: algorithm };
  return { kid, algorithm, privateKey, jwk };
}

export const base64url = (value: string | Buffer): string => Buffer.from(value).toString("base64url");

function createSignature(algorithm: string, input: string, key: KeyObject): Buffer {
  const data = Buffer.from(input);
  if (algorithm === "HS256") return createHmac("sha256", key).update(data).digest();
  if (algorithm === "EdDSA") return sign(null, data, key);
  if (algorithm.startsWith("ES")) return sign("sha256", data, { key, dsaEncoding: "ieee-p1363" });
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return sign("sha256", data, algorithm.startsWith("PS") ? { key, ...pss } : key);
}

/** Signs a token. `header` and `claims` can be strings, for JSON that no object can represent. */
export function signToken(
  header: object | string,
  claims: object | string,
  algorithm: string,
  key: KeyObject,
): string {
  const [head, payload] = [header, claims].map((part) =>
    base64url(typeof part === "string" ? part : JSON.stringify(part)),
  );
  const input = `${head ?? ""}.${payload ?? ""}`;
  return `${input}.${base64url(createSignature(algorithm, input, key))}`;
}
