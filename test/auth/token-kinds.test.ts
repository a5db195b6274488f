import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServiceError } from "../../src/core/errors.js";
import { startIssuer, type TestIssuer } from "../support/auth/test-issuer.js";
import { providerCases, type ProviderCase, type Variant } from "../support/auth/provider-cases.js";
import {
  bearer,
  createAuthentication,
  createTestKeys,
  createToken,
  readPolicy,
  toSettings,
} from "../support/auth/test-authentication.js";
import { tokenKinds } from "../support/auth/token-kinds.js";

const { keys, published } = createTestKeys();
let issuer: TestIssuer;
let jwksUrl: string;

beforeAll(async () => {
  issuer = await startIssuer();
  jwksUrl = issuer.publish("/jwks", published);
});
afterAll(() => issuer.close());

async function withToken<T>(
  providerCase: ProviderCase,
  variant: Variant,
  use: (authentication: ReturnType<typeof createAuthentication>, token: string) => Promise<T>,
): Promise<T> {
  const authentication = createAuthentication(readPolicy(toSettings(providerCase, variant, jwksUrl)));
  try {
    return await use(authentication, createToken(providerCase, variant, keys));
  } finally {
    await authentication.close();
  }
}

test("every preset has ID tokens that it rejects, or a reason why there are none", () => {
  const without = Object.entries(tokenKinds).filter(
    ([, { id, noIdToken }]) => (id.length === 0) !== (noIdToken !== undefined),
  );
  expect(without).toEqual([]);
});

describe.each(providerCases)("$provider", (providerCase) => {
  const { access, id } = tokenKinds[providerCase.provider];

  test("accepts an access token with every claim that the provider can write into it", async () => {
    const variant = { name: "an access token", ...access };
    await withToken(providerCase, variant, async (authentication, token) => {
      await expect(authentication.authenticate(bearer(token))).resolves.toEqual({
        appUserId: providerCase.appUserId,
      });
      expect((await authentication.explain(token)).filter(({ ok }) => !ok)).toEqual([]);
    });
  });

  test.each(id)("rejects the ID token $name", async (variant) => {
    await withToken(providerCase, variant, async (authentication, token) => {
      const error = await authentication.authenticate(bearer(token)).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(ServiceError);
      expect((error as ServiceError).code).toBe("UNAUTHENTICATED");
      expect((error as ServiceError).reason).toMatch(variant.reason);
      // Accepting the audience or the type of an ID token would not be a fix.
      const fixes = (await authentication.explain(token)).map(({ fix = "" }) => fix);
      const isRecognized = ["at_hash", "c_hash"].some((claim) => variant.claims[claim] !== undefined);
      if (isRecognized) expect(fixes.join("\n")).toContain("send the access token instead of the ID token");
      if (isRecognized) expect(fixes.join("\n")).not.toMatch(/AUTH_AUDIENCE|AUTH_TOKEN_TYPES/);
    });
  });
});
