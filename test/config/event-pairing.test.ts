import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readGatewayConfig } from "../../src/config/config.js";
import type { ConfigError } from "../../src/config/settings-reader.js";
import { startIssuer, type TestIssuer } from "../support/auth/test-issuer.js";
import { providerCases } from "../support/auth/provider-cases.js";
import {
  bearer,
  createAuthentication,
  createTestKeys,
  readPolicy,
  toSettings,
  createToken,
} from "../support/auth/test-authentication.js";
import { bearerToken, startIngress } from "../support/http/test-ingress.js";

/** By preset: the name of the example event that matches its tokens, where it differs from the name of the preset. */
const exampleOf: Record<string, string> = {
  "clerk-oauth": "clerk",
  "cognito-id": "cognito",
  "supabase-legacy": "supabase",
  "entra-external": "entra",
  b2c: "entra",
  "better-auth-oauth": "better-auth",
  rfc9068: "own-service",
  custom: "own-service",
};

const { keys, published } = createTestKeys();
let issuer: TestIssuer;
let jwksUrl: string;
let ingress: Awaited<ReturnType<typeof startIngress>>;

beforeAll(async () => {
  issuer = await startIssuer();
  jwksUrl = issuer.publish("/jwks", published);
  ingress = await startIngress();
});
afterAll(async () => {
  await ingress.app.close();
  await issuer.close();
});

/** Publishes a provider's example event and returns the app user id that was recorded. */
async function publishExample(example: string, kind: "created" | "deleted"): Promise<string | undefined> {
  const path = new URL(`../../docs/sources/examples/${example}.${kind}.json`, import.meta.url);
  const before = ingress.recorded.length;
  await ingress.post(readFileSync(path, "utf8"), { authorization: `Bearer ${bearerToken}` });
  return ingress.recorded[before]?.appUserId;
}

describe.each(providerCases)("$provider", (providerCase) => {
  const example = exampleOf[providerCase.provider] ?? providerCase.provider;

  test("its documented events and its token identify the same user", async () => {
    const created = await publishExample(example, "created");
    const deleted = await publishExample(example, "deleted");
    expect(created).toBeTypeOf("string");
    expect(deleted).toBe(created);

    const variant = { name: "the user of the event", claims: { [providerCase.userIdClaim]: created } };
    const authentication = createAuthentication(readPolicy(toSettings(providerCase, variant, jwksUrl)));
    const viewer = await authentication.authenticate(bearer(createToken(providerCase, variant, keys)));
    await authentication.close();
    expect(viewer.appUserId).toBe(created);
  });
});

describe("settings with which events and tokens identify the same user by different ids", () => {
  const base = {
    VITAL_API_KEY: "sk_us_0123456789",
    MONGODB_URL: "mongodb://127.0.0.1:1/gateway",
    REDIS_URL: "redis://127.0.0.1:1",
    EVENTS_BEARER_TOKENS: bearerToken,
  };
  const okta = {
    ...base,
    AUTH_PROVIDER: "okta",
    AUTH_ISSUER: "https://example.okta.com/oauth2/default",
    AUTH_AUDIENCE: "api://default",
  };

  function findProblems(environment: Record<string, string>): readonly string[] {
    try {
      readGatewayConfig(environment);
      return [];
    } catch (error) {
      return (error as ConfigError).problems;
    }
  }

  test("Okta's login as the user id is rejected at startup, because its events contain the other id", () => {
    expect(findProblems(okta)).toEqual([]);
    expect(findProblems({ ...okta, AUTH_USER_ID_CLAIM: "sub" })).toEqual([
      expect.stringMatching(/^AUTH_USER_ID_CLAIM: signup events of okta .*claim uid/),
    ]);
  });

  test("Okta's login is accepted if a pointer selects the user id in the events, or if no event source is configured", () => {
    const withLogin = { ...okta, AUTH_USER_ID_CLAIM: "sub" };
    expect(findProblems({ ...withLogin, EVENTS_USER_ID_POINTER: "/user/login" })).toEqual([]);
    expect(findProblems({ ...withLogin, EVENTS_BEARER_TOKENS: "" })).toEqual([]);
  });

  test.each(["workos", "zitadel", "fusionauth"])(
    "the signing secret of %s is rejected together with another AUTH_PROVIDER",
    (sender) => {
      const name = `EVENTS_${sender.toUpperCase()}_SECRETS`;
      expect(findProblems({ ...okta, [name]: "a-secret-of-a-sender-0001" })).toEqual([
        expect.stringMatching(new RegExp(`^${name}: .*${sender}`)),
      ]);
    },
  );
});
