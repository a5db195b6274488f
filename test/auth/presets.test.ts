import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServiceError } from "../../src/core/errors.js";
import { toChallengeHeader } from "../../src/auth/challenge.js";
import { presetNames } from "../../src/auth/presets/presets.js";
import { startIssuer, type TestIssuer } from "../support/auth/test-issuer.js";
import { providerCases, type ProviderCase, type Variant } from "../support/auth/provider-cases.js";
import {
  bearer,
  createAuthentication,
  createTestKeys,
  readPolicy,
  toSettings,
  createToken,
} from "../support/auth/test-authentication.js";

const { keys, published } = createTestKeys();
let issuer: TestIssuer;
let jwksUrl: string;

beforeAll(async () => {
  issuer = await startIssuer();
  jwksUrl = issuer.publish("/jwks", published);
});
afterAll(() => issuer.close());

async function authenticate(one: ProviderCase, variant: Variant) {
  const authentication = createAuthentication(readPolicy(toSettings(one, variant, jwksUrl)));
  try {
    return await authentication.authenticate(bearer(createToken(one, variant, keys)));
  } finally {
    await authentication.close();
  }
}

test("every preset has test cases", () => {
  expect(providerCases.map(({ provider }) => provider).sort()).toEqual([...presetNames].sort());
});

describe.each(providerCases)("$provider", (one) => {
  const accepted: Variant[] = [{ name: "the unchanged token" }, ...one.accepted];

  test.each(accepted)("accepts: $name", async (variant) => {
    await expect(authenticate(one, variant)).resolves.toEqual({
      appUserId: variant.appUserId ?? one.appUserId,
    });
  });

  test.each(one.rejected)("rejects: $name", async (variant) => {
    const error = await authenticate(one, variant).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ServiceError);
    const rejection = error as ServiceError;
    expect(rejection.code).toBe("UNAUTHENTICATED");
    expect(rejection.reason).toMatch(variant.reason ?? /./);
    expect(toChallengeHeader(rejection)).toMatch(/^Bearer error="invalid_token"/);
  });

  test("has at least six rejected tokens", () => {
    expect(one.rejected.length).toBeGreaterThanOrEqual(6);
  });
});
