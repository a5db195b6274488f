import { createSecretKey } from "node:crypto";
import { createKeySets, type KeySets } from "../../../src/auth/keys/key-sets.js";
import type { AuthPolicy } from "../../../src/auth/policy.js";
import { readAuthSettings } from "../../../src/auth/settings/auth-settings.js";
import { createViewerAuthentication } from "../../../src/auth/viewer-authentication.js";
import { createSettingsReader } from "../../../src/config/settings-reader.js";
import { createManualClock } from "../manual-clock.js";
import { legacySecret, type ProviderCase, type Variant } from "./provider-cases.js";
import { silentLog } from "../recording-log.js";
import { createTestKey, signToken, type TestKey } from "./tokens.js";

/**
 * Creates one key of each type, and an attacker's key. The PS256 key is the RSA key under another kid. The issuer also
 * publishes the next key of each type, as during a rotation.
 */
export function createTestKeys() {
  const rsa = createTestKey("rsa-1", "RS256");
  const nextRsa = createTestKey("rsa-3", "RS256");
  const next = [
    nextRsa,
    createTestKey("rsa-4", "PS256", nextRsa.privateKey),
    createTestKey("ec-2", "ES256"),
    createTestKey("ed-2", "EdDSA"),
  ];
  const keys: Record<string, TestKey> = {
    RS256: rsa,
    PS256: createTestKey("rsa-2", "PS256", rsa.privateKey),
    ES256: createTestKey("ec-1", "ES256"),
    EdDSA: createTestKey("ed-1", "EdDSA"),
    HS256: {
      kid: "secret-1",
      algorithm: "HS256",
      privateKey: createSecretKey(Buffer.from(legacySecret)),
      jwk: { kty: "oct", k: Buffer.from(legacySecret).toString("base64url"), kid: "secret-1" },
    },
  };
  return { keys, published: [...Object.values(keys), ...next], attackerKey: createTestKey("rsa-1", "RS256") };
}

export function readPolicy(settings: Record<string, string>): AuthPolicy {
  const reader = createSettingsReader(settings);
  const policy = readAuthSettings(reader);
  if (reader.problems.length > 0) throw new Error(reader.problems.join("\n"));
  return policy;
}

/** Returns the settings of a provider's variant, with the keys at a test issuer if the provider publishes keys. */
export const toSettings = (
  providerCase: ProviderCase,
  variant: Variant,
  jwksUrl: string,
): Record<string, string> => ({
  AUTH_PROVIDER: providerCase.provider,
  ...providerCase.settings,
  ...(providerCase.provider === "supabase-legacy" ? {} : { AUTH_JWKS_URL: jwksUrl }),
  ...variant.settings,
});

export const withoutUndefined = (object: object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

export function createTokenParts(
  providerCase: ProviderCase,
  variant: Variant,
  keys: Record<string, TestKey>,
) {
  const algorithm = variant.algorithm ?? providerCase.algorithm;
  const key = keys[algorithm];
  if (key === undefined) throw new Error(`no key for ${algorithm}`);
  return {
    algorithm,
    key,
    header: withoutUndefined({ alg: algorithm, kid: key.kid, ...providerCase.header, ...variant.header }),
    claims: withoutUndefined({ ...providerCase.claims, ...variant.claims }),
  };
}

export function createToken(
  providerCase: ProviderCase,
  variant: Variant,
  keys: Record<string, TestKey>,
): string {
  const { header, claims, algorithm, key } = createTokenParts(providerCase, variant, keys);
  return signToken(header, claims, algorithm, key.privateKey);
}

export const bearer = (token: string): string[] => ["Host", "gateway", "Authorization", `Bearer ${token}`];

/** Creates the authentication of a policy with a manual clock and without a cache, so that every token is verified. */
export function createAuthentication(policy: AuthPolicy, keySets?: KeySets) {
  const clock = createManualClock();
  const sets = keySets ?? createKeySets({ policy, log: silentLog, ...clock });
  return createViewerAuthentication({
    policy,
    keySets: sets,
    log: silentLog,
    now: clock.now,
    maxCachedTokens: 0,
  });
}
