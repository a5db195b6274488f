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

async function authenticate(providerCase: ProviderCase, variant: Variant) {
  const authentication = createAuthentication(readPolicy(toSettings(providerCase, variant, jwksUrl)));
  try {
    return await authentication.authenticate(bearer(createToken(providerCase, variant, keys)));
  } finally {
    await authentication.close();
  }
}

test("every preset has test cases", () => {
  expect(providerCases.map(({ provider }) => provider).sort()).toEqual([...presetNames].sort());
});

describe.each(providerCases)("$provider", (providerCase) => {
  const accepted: Variant[] = [{ name: "the unchanged token" }, ...providerCase.accepted];

  test.each(accepted)("accepts: $name", async (variant) => {
    await expect(authenticate(providerCase, variant)).resolves.toEqual({
      appUserId: variant.appUserId ?? providerCase.appUserId,
    });
  });

  test.each(providerCase.rejected)("rejects: $name", async (variant) => {
    const error = await authenticate(providerCase, variant).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ServiceError);
    const rejection = error as ServiceError;
    expect(rejection.code).toBe("UNAUTHENTICATED");
    expect(rejection.reason).toMatch(variant.reason ?? /./);
    expect(toChallengeHeader(rejection)).toMatch(/^Bearer error="invalid_token"/);
  });

  test("has at least six rejected tokens", () => {
    expect(providerCase.rejected.length).toBeGreaterThanOrEqual(6);
  });
});
