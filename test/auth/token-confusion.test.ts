import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKeySets } from "../../src/auth/keys/key-sets.js";
import type { AuthPolicy } from "../../src/auth/policy.js";
import { selectUserIdClaim } from "../../src/auth/tokens/user-id-rules.js";
import { startIssuer, type TestIssuer } from "../support/auth/test-issuer.js";
import { createManualClock } from "../support/manual-clock.js";
import {
  providerCases,
  type Claims,
  type ProviderCase,
  type Variant,
} from "../support/auth/provider-cases.js";
import {
  bearer,
  createAuthentication,
  createTestKeys,
  createTokenParts,
  readPolicy,
  toSettings,
  createToken,
} from "../support/auth/test-authentication.js";
import { silentLog } from "../support/recording-log.js";
import { createTestKey, signToken } from "../support/auth/tokens.js";

const { keys, published } = createTestKeys();
const attackerKeys = Object.fromEntries(
  ["RS256", "PS256", "ES256", "EdDSA"].map((algorithm) => [
    algorithm,
    createTestKey(keys[algorithm]?.kid ?? "", algorithm),
  ]),
);
const unchanged: Variant = { name: "the unchanged token" };
let issuer: TestIssuer;
let jwksUrl: string;

beforeAll(async () => {
  issuer = await startIssuer();
  jwksUrl = issuer.publish("/jwks", published);
});
afterAll(() => issuer.close());

const isAccepted = (authentication: ReturnType<typeof createAuthentication>, token: string) =>
  authentication.authenticate(bearer(token)).then(
    () => true,
    () => false,
  );

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const anyValue = fc.oneof(
  text,
  fc.integer(),
  fc.constant(null),
  fc.constant(undefined),
  fc.array(text),
  fc.boolean(),
);
const invalidId = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, "", ".", "..", "user_|\u0007", "é".repeat(257)),
  fc.integer(),
  fc.array(text),
  fc.boolean(),
);

type Change = { name: string; header?: Claims; claims?: Claims; key?: "attacker" };

/** Generates clients that are not accepted, if the policy checks the client. */
function otherClients(claims: Claims, policy: AuthPolicy): fc.Arbitrary<Change>[] {
  const accepted: readonly unknown[] = policy.clientPresence === "unchecked" ? [] : policy.clientIds;
  return policy.clientClaims
    .filter((claim) => accepted.includes(claims[claim]))
    .map((claim) =>
      anyValue
        .filter((client) => !accepted.includes(client))
        .filter((client) => client !== undefined || policy.clientPresence === "required")
        .map((client) => ({ name: claim, claims: { [claim]: client } })),
    );
}

/** Generates single changes that must each make a valid token invalid. */
const changes = (claims: Claims, policy: AuthPolicy): fc.Arbitrary<Change> => {
  const issuers = policy.issuers.map((accepted) => accepted.issuer);
  const audiences = policy.issuers.flatMap((accepted) => accepted.audiences);
  const names = (value: unknown) => (Array.isArray(value) ? value : [value]).map(String);
  const isOtherAudience = (aud: unknown) =>
    policy.audienceRule === "absent"
      ? aud !== undefined && !(Array.isArray(aud) && aud.length === 0)
      : !names(aud).some((name) => audiences.includes(name));
  const otherAlgorithm = fc
    .oneof(text, fc.constantFrom("none", "HS256", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA"))
    .filter((alg) => alg !== claims.alg);
  return fc.oneof(
    anyValue.filter((iss) => !issuers.includes(String(iss))).map((iss) => ({ name: "iss", claims: { iss } })),
    anyValue.filter(isOtherAudience).map((aud) => ({ name: "aud", claims: { aud } })),
    invalidId
      // Without its first claim, a token has the user id in the second one, where the preset has two.
      .filter((id) => id !== undefined || policy.userIdFallbackClaim === undefined)
      .map((id) => ({ name: "id", claims: { [selectUserIdClaim(claims, policy)]: id } })),
    otherAlgorithm.map((alg) => ({ name: "alg", header: { alg } })),
    fc.constant({ name: "key", key: "attacker" as const }),
    ...otherClients(claims, policy),
  );
};

test("no accepted token is accepted after a change of issuer, audience, user id, algorithm or signing key", async () => {
  const authentications = new Map<string, ReturnType<typeof createAuthentication>>();
  const prepared = providerCases.flatMap((providerCase) =>
    [unchanged, ...providerCase.accepted].map((variant) => {
      const settings = toSettings(providerCase, variant, jwksUrl);
      const policy = readPolicy(settings);
      const name = JSON.stringify(settings);
      const authentication = authentications.get(name) ?? createAuthentication(policy);
      authentications.set(name, authentication);
      return { providerCase, parts: createTokenParts(providerCase, variant, keys), policy, authentication };
    }),
  );
  const attack = fc.constantFrom(...prepared).chain((base) =>
    changes({ ...base.parts.claims, alg: base.parts.algorithm }, base.policy).map((change) => ({
      base,
      change,
    })),
  );
  await fc.assert(
    fc.asyncProperty(attack, async ({ base: { parts, authentication }, change }) => {
      const attackerKey = attackerKeys[parts.algorithm] ?? attackerKeys.RS256;
      const key = change.key === "attacker" && attackerKey !== undefined ? attackerKey : parts.key;
      const token = signToken(
        { ...parts.header, ...change.header },
        { ...parts.claims, ...change.claims },
        key === parts.key ? parts.algorithm : key.algorithm,
        key.privateKey,
      );
      expect(await isAccepted(authentication, token)).toBe(false);
    }),
    { numRuns: 700 },
  );
  for (const authentication of authentications.values()) await authentication.close();
});

test("no preset accepts the token of another provider, even when all sign with the same keys", async () => {
  const wrong: string[] = [];
  for (const providerCase of providerCases) {
    const authentication = createAuthentication(readPolicy(toSettings(providerCase, unchanged, jwksUrl)));
    for (const other of providerCases.filter((candidate) => candidate !== providerCase)) {
      if (await isAccepted(authentication, createToken(other, unchanged, keys)))
        wrong.push(`${providerCase.provider} accepts ${other.provider}`);
    }
    await authentication.close();
  }
  expect(wrong).toEqual([]);
});

/** Returns the policy with the issuer of another provider. */
const withIssuerOf = (policy: AuthPolicy, other: ProviderCase): AuthPolicy => ({
  ...policy,
  issuers: policy.issuers.slice(0, 1).map((own) => ({ ...own, issuer: String(other.claims.iss) })),
});

/**
 * The presets that would accept the token of another provider if the configured issuer had signed it: presets for tokens
 * of the same kind with the same audience (both Entra presets, RFC 9068), and Descope, because only the issuer and its
 * keys distinguish a Descope session.
 */
const acceptedPairs = [
  "entra accepts entra-external",
  "entra-external accepts entra",
  "ory accepts rfc9068",
  "better-auth-oauth accepts rfc9068",
  "descope accepts clerk",
  "descope accepts cognito",
  "descope accepts workos",
];

/** Avoids one connection for each of almost five hundred authentications. */
const fetchDocument = () =>
  Promise.resolve({ status: 200, body: JSON.stringify({ keys: published.map(({ jwk }) => jwk) }) });

test("even with the same issuer and keys, a preset accepts only the listed tokens of other providers", async () => {
  const wrong: string[] = [];
  for (const providerCase of providerCases) {
    const policy = readPolicy(toSettings(providerCase, unchanged, jwksUrl));
    for (const other of providerCases.filter((candidate) => candidate !== providerCase)) {
      const moved = withIssuerOf(policy, other);
      const authentication = createAuthentication(
        moved,
        createKeySets({ policy: moved, log: silentLog, ...createManualClock(), fetchDocument }),
      );
      if (await isAccepted(authentication, createToken(other, unchanged, keys)))
        wrong.push(`${providerCase.provider} accepts ${other.provider}`);
      await authentication.close();
    }
  }
  expect(wrong.sort()).toEqual([...acceptedPairs].sort());
});
