import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { followAdvice } from "../support/auth/follow-advice.js";
import { now, providerCases, type ProviderCase, type Variant } from "../support/auth/provider-cases.js";
import {
  createAuthentication,
  createTestKeys,
  createToken,
  createTokenParts,
  readPolicy,
  toSettings,
} from "../support/auth/test-authentication.js";
import { startIssuer, type TestIssuer } from "../support/auth/test-issuer.js";
import { tokenKinds } from "../support/auth/token-kinds.js";

const { keys, published } = createTestKeys();
let issuer: TestIssuer;
let jwksUrl: string;

beforeAll(async () => {
  issuer = await startIssuer();
  jwksUrl = issuer.publish("/jwks", published);
});
afterAll(() => issuer.close());

const changeClaim = (claim: string, value: unknown): Variant => ({
  name: `${claim}: ${JSON.stringify(value)}`,
  claims: { [claim]: value },
});

/** Ways in which a token of any provider can differ from what the settings expect. */
function listVariants({ provider, claims, userIdClaim, rejected }: ProviderCase): Variant[] {
  const named = ["aud", "client_id", "azp", "cid", "appid", "applicationId", userIdClaim];
  const clients = named.slice(1, -1).map((claim) => claims[claim]);
  return [
    ...rejected,
    ...tokenKinds[provider].id,
    ...named.flatMap((claim) =>
      [undefined, "other", "*", "", "a,b", "undefined", 7, ["a", "b"]].map((value) =>
        changeClaim(claim, value),
      ),
    ),
    ...["account", [claims.aud].flat(), clients.find((id) => typeof id === "string")].map((value) =>
      changeClaim("aud", value),
    ),
    ...[`${String(claims.iss)}/`, "https://other.example.com", "http://idp.example.com", "other", "*"].map(
      (value) => changeClaim("iss", value),
    ),
    ...["nonce", "at_hash", "c_hash", "act", "cnf"].map((claim) => changeClaim(claim, "x")),
    ...[3_600, 86_000, 90_000].map((seconds) => changeClaim("exp", now + seconds)),
    ...["at+jwt", "JWT", "logout+jwt", "custom+jwt", "a,b", "", "absent", undefined, 7].map((typ) => ({
      name: `typ: ${JSON.stringify(typ)}`,
      header: { typ },
    })),
    ...["RS256", "ES256", "PS256", "EdDSA", "HS256"].map((algorithm) => ({ name: algorithm, algorithm })),
    ...["none", "ES512", "HS512", "Ed25519"].map((alg) => ({ name: `alg: ${alg}`, header: { alg } })),
  ];
}

type Authentication = ReturnType<typeof createAuthentication>;

/** Returns a function that explains a token, with one authentication for all tokens with the same settings. */
function createExplainer() {
  const authentications = new Map<string, Authentication>();
  return {
    async explain(settings: Readonly<Record<string, string>>, token: string) {
      const key = JSON.stringify(settings);
      const authentication = authentications.get(key) ?? createAuthentication(readPolicy(settings));
      authentications.set(key, authentication);
      return authentication.explain(token);
    },
    close: () => Promise.all([...authentications.values()].map((authentication) => authentication.close())),
  };
}

describe.each(providerCases)("the fixes for rejected tokens of $provider", (providerCase) => {
  test("never suggest what is in effect or what the settings reject: who follows one passes that check", async () => {
    const { explain, close } = createExplainer();
    const useless: string[] = [];
    for (const variant of listVariants(providerCase)) {
      const settings = toSettings(providerCase, variant, jwksUrl);
      const token = createToken(providerCase, variant, keys);
      const parts = createTokenParts(providerCase, variant, keys);
      for (const { check, ok, fix = "" } of await explain(settings, token)) {
        if (ok) continue;
        for (const changed of followAdvice(fix, settings, parts)) {
          const result = await explain(changed, token).then(
            (checks) => checks.find((other) => other.check === check)?.ok,
            (error: unknown) => error,
          );
          if (result !== true) useless.push(`${variant.name}: ${check}: ${fix} (${String(result)})`);
        }
      }
    }
    await close();
    expect(useless).toEqual([]);
  });
});
