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

/** Which documented event goes with the tokens of a preset, where not the one of its own name. */
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

/** Publishes the documented event of a provider, and gives the app user id that it stands for. */
async function getIdOfEvent(example: string, kind: "created" | "deleted"): Promise<string | undefined> {
  const path = new URL(`../../docs/sources/examples/${example}.${kind}.json`, import.meta.url);
  const before = ingress.recorded.length;
  await ingress.post(readFileSync(path, "utf8"), { authorization: `Bearer ${bearerToken}` });
  return ingress.recorded[before]?.appUserId;
}

describe.each(providerCases)("$provider", (one) => {
  const example = exampleOf[one.provider] ?? one.provider;

  test("its documented events and its token name the same user", async () => {
    const created = await getIdOfEvent(example, "created");
    const deleted = await getIdOfEvent(example, "deleted");
    expect(created).toBeTypeOf("string");
    expect(deleted).toBe(created);

    const variant = { name: "of the user of the event", claims: { [one.userIdClaim]: created } };
    const authentication = createAuthentication(readPolicy(toSettings(one, variant, jwksUrl)));
    const viewer = await authentication.authenticate(bearer(createToken(one, variant, keys)));
    await authentication.close();
    expect(viewer.appUserId).toBe(created);
  });
});

describe("settings under which events and tokens cannot mean the same user", () => {
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

  function problemsOf(environment: Record<string, string>): readonly string[] {
    try {
      readGatewayConfig(environment);
      return [];
    } catch (error) {
      return (error as ConfigError).problems;
    }
  }

  test("Okta's login as the user id is refused at start, since its events carry the other id", () => {
    expect(problemsOf(okta)).toEqual([]);
    expect(problemsOf({ ...okta, AUTH_USER_ID_CLAIM: "sub" })).toEqual([
      expect.stringMatching(/^AUTH_USER_ID_CLAIM: signup events of okta .*claim uid/),
    ]);
  });

  test("it is taken where the events are read by a pointer, or where there are none", () => {
    const asked = { ...okta, AUTH_USER_ID_CLAIM: "sub" };
    expect(problemsOf({ ...asked, EVENTS_USER_ID_POINTER: "/user/login" })).toEqual([]);
    expect(problemsOf({ ...asked, EVENTS_BEARER_TOKENS: "" })).toEqual([]);
  });

  test.each(["workos", "zitadel", "fusionauth"])(
    "the signing secret of %s beside another provider is refused",
    (sender) => {
      const name = `EVENTS_${sender.toUpperCase()}_SECRETS`;
      expect(problemsOf({ ...okta, [name]: "a-secret-of-a-sender-0001" })).toEqual([
        expect.stringMatching(new RegExp(`^${name}: .*${sender}`)),
      ]);
    },
  );
});
