import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServiceError } from "../../src/core/errors.js";
import { toChallengeHeader } from "../../src/auth/challenge.js";
import { hostileTokens } from "../support/auth/hostile-tokens.js";
import { startIssuer, type TestIssuer } from "../support/auth/test-issuer.js";
import { providerCases, type ProviderCase } from "../support/auth/provider-cases.js";
import {
  bearer,
  createAuthentication,
  createTestKeys,
  readPolicy,
  toSettings,
  createToken,
} from "../support/auth/test-authentication.js";
import { signToken } from "../support/auth/tokens.js";

const { keys, published, attackerKey } = createTestKeys();
const unchanged = { name: "the unchanged token" };
let issuer: TestIssuer;
let jwksUrl: string;

beforeAll(async () => {
  issuer = await startIssuer();
  jwksUrl = issuer.publish("/jwks", published);
});
afterAll(() => issuer.close());

const policyOf = (providerCase: ProviderCase) => readPolicy(toSettings(providerCase, unchanged, jwksUrl));

describe.each(providerCases)("$provider", (providerCase) => {
  test("rejects every hostile token with 401, the right challenge and the right reason", async () => {
    const authentication = createAuthentication(policyOf(providerCase));
    const wrong: string[] = [];
    const attacks = hostileTokens({ providerCase, keys, attackerKey });
    for (const { name, token, reason } of attacks) {
      const thrown: unknown = await authentication.authenticate(bearer(token)).then(
        () => "accepted",
        (error: unknown) => error,
      );
      const isRejected =
        thrown instanceof ServiceError &&
        thrown.code === "UNAUTHENTICATED" &&
        reason.test(thrown.reason ?? "") &&
        /^Bearer error="invalid_token"(, error_description="The access token has expired\.")?$/.test(
          toChallengeHeader(thrown),
        );
      const leaks =
        thrown instanceof ServiceError && `${thrown.message} ${thrown.reason ?? ""}`.includes(token);
      if (!isRejected || leaks) {
        wrong.push(
          `${name}: ${thrown instanceof ServiceError ? `${thrown.code} ${thrown.reason ?? ""}` : String(thrown)}`,
        );
      }
    }
    expect(wrong).toEqual([]);
    expect(attacks.length).toBeGreaterThanOrEqual(providerCase.algorithm === "HS256" ? 90 : 100);
    // The valid token is still accepted, so the others were not rejected for an unrelated reason.
    await expect(
      authentication.authenticate(bearer(createToken(providerCase, unchanged, keys))),
    ).resolves.toBeDefined();
    await authentication.close();
  });
});

test("the last value of a repeated claim counts, both in the checks and in the result", async () => {
  const providerCase = providerCases.find(({ provider }) => provider === "rfc9068");
  if (providerCase === undefined) throw new Error("rfc9068 is missing");
  const authentication = createAuthentication(policyOf(providerCase));
  const key = keys.ES256;
  if (key === undefined) throw new Error("no key");
  const text = JSON.stringify(providerCase.claims);
  const twice = (first: string) =>
    signToken(
      { alg: "ES256", kid: key.kid, typ: "at+jwt" },
      `{${first},${text.slice(1)}`,
      "ES256",
      key.privateKey,
    );
  await expect(authentication.authenticate(bearer(twice('"sub":"victim","iss":"x"')))).resolves.toEqual({
    appUserId: providerCase.appUserId,
  });
  const last = signToken(
    { alg: "ES256", kid: key.kid, typ: "at+jwt" },
    `${text.slice(0, -1)},"iss":"x"}`,
    "ES256",
    key.privateKey,
  );
  await expect(authentication.authenticate(bearer(last))).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  await authentication.close();
});
