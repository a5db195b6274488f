import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServiceError } from "../../src/core/errors.js";
import { challenge } from "../../src/auth/challenge.js";
import { presetNames } from "../../src/auth/presets/presets.js";
import { startIssuer, type TestIssuer } from "../support/auth/test-issuer.js";
import { providers, type ProviderCase, type Variant } from "../support/auth/provider-cases.js";
import {
  bearer,
  createAuthentication,
  createTestKeys,
  readPolicy,
  settingsOf,
  tokenOf,
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
  const authentication = createAuthentication(readPolicy(settingsOf(one, variant, jwksUrl)));
  try {
    return await authentication.authenticate(bearer(tokenOf(one, variant, keys)));
  } finally {
    await authentication.close();
  }
}

test("every preset is tried", () => {
  expect(providers.map(({ provider }) => provider).sort()).toEqual([...presetNames].sort());
});

describe.each(providers)("$provider", (one) => {
  const good: Variant[] = [{ name: "its usual token" }, ...one.accepted];

  test.each(good)("accepts: $name", async (variant) => {
    await expect(authenticate(one, variant)).resolves.toEqual({
      appUserId: variant.appUserId ?? one.appUserId,
    });
  });

  test.each(one.refused)("refuses: $name", async (variant) => {
    const error = await authenticate(one, variant).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ServiceError);
    const refusal = error as ServiceError;
    expect(refusal.code).toBe("UNAUTHENTICATED");
    expect(refusal.reason).toMatch(variant.reason ?? /./);
    expect(challenge(refusal)).toMatch(/^Bearer error="invalid_token"/);
  });

  test("at least six of its own refusals are known", () => {
    expect(one.refused.length).toBeGreaterThanOrEqual(6);
  });
});
