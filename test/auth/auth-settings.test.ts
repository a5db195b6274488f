import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { describeAuthPolicy } from "../../src/auth/describe-policy.js";
import { readAuthSettings } from "../../src/auth/settings/auth-settings.js";
import { createSettingsReader } from "../../src/config/settings-reader.js";
import { legacySecret, providerCases } from "../support/auth/provider-cases.js";

const problemsOf = (settings: Record<string, string>): readonly string[] => {
  const reader = createSettingsReader(settings);
  readAuthSettings(reader);
  return reader.problems;
};
const policyOf = (settings: Record<string, string>) => readAuthSettings(createSettingsReader(settings));

const issuer = "https://idp.example.com";
const rfc9068 = { AUTH_ISSUER: issuer, AUTH_AUDIENCE: "https://api.example.com" };
const tenant = "11111111-2222-3333-4444-555555555555";
const settingsOf = (provider: string): Record<string, string> => ({
  AUTH_PROVIDER: provider,
  ...providerCases.find((one) => one.provider === provider)?.settings,
});

/** Settings with which the gateway must not start, the setting that the problem names, and a part of its message. */
const rejected: [string, Record<string, string>, string, RegExp][] = [
  ["no issuer", { AUTH_AUDIENCE: "x" }, "AUTH_ISSUER", /is required/],
  ["no audience", { AUTH_ISSUER: issuer }, "AUTH_AUDIENCE", /is required: the resource identifier/],
  ["an unknown provider", { ...rfc9068, AUTH_PROVIDER: "gogle" }, "AUTH_PROVIDER", /must be one of/],
  ["the algorithm HS256", { ...rfc9068, AUTH_ALGORITHMS: "HS256" }, "AUTH_ALGORITHMS", /can also create one/],
  [
    "the algorithm none",
    { ...rfc9068, AUTH_ALGORITHMS: "RS256,none" },
    "AUTH_ALGORITHMS",
    /"none" is not allowed/,
  ],
  ["an unknown algorithm", { ...rfc9068, AUTH_ALGORITHMS: "RS257" }, "AUTH_ALGORITHMS", /not supported/],
  [
    "a nonce without an audience",
    {
      AUTH_PROVIDER: "custom",
      AUTH_ISSUER: issuer,
      AUTH_ALGORITHMS: "ES256",
      AUTH_TOKEN_TYPES: "JWT",
      AUTH_USER_ID_CLAIM: "sub",
      AUTH_CLIENT_IDS: "app",
      AUTH_ALLOW_NONCE: "true",
    },
    "AUTH_ALLOW_NONCE",
    /needs AUTH_AUDIENCE/,
  ],
  [
    "an unknown format of user ids",
    { ...rfc9068, AUTH_USER_ID_FORMAT: "^u-" },
    "AUTH_USER_ID_FORMAT",
    /must be one of/,
  ],
  ["a wildcard audience", { ...rfc9068, AUTH_AUDIENCE: "*" }, "AUTH_AUDIENCE", /wildcards are not supported/],
  ["a wildcard issuer", { ...rfc9068, AUTH_ISSUER: "https://*.example.com" }, "AUTH_ISSUER", /wildcards/],
  [
    "a wildcard client",
    { ...rfc9068, AUTH_CLIENT_IDS: "app-*" },
    "AUTH_CLIENT_IDS",
    /wildcards are not supported/,
  ],
  ["an http issuer", { ...rfc9068, AUTH_ISSUER: "http://idp.example.com" }, "AUTH_ISSUER", /AUTH_ALLOW_HTTP/],
  [
    "an http issuer that looks local",
    { ...rfc9068, AUTH_ISSUER: "http://localhost.evil.example" },
    "AUTH_ISSUER",
    /AUTH_ALLOW_HTTP/,
  ],
  [
    "a key set URL over plain http",
    { ...rfc9068, AUTH_JWKS_URL: "http://idp.example.com/jwks" },
    "AUTH_JWKS_URL",
    /AUTH_ALLOW_HTTP/,
  ],
  [
    "a key set URL that is a file URL",
    { ...rfc9068, AUTH_JWKS_URL: "file:///etc/keys" },
    "AUTH_JWKS_URL",
    /http\(s\) URL/,
  ],
  [
    "a key set URL with a password",
    { ...rfc9068, AUTH_JWKS_URL: "https://u:p@idp.example.com/jwks" },
    "AUTH_JWKS_URL",
    /without a user name/,
  ],
  [
    "more key set URLs than issuers",
    { ...rfc9068, AUTH_JWKS_URL: "https://a.b/1,https://a.b/2" },
    "AUTH_JWKS_URL",
    /as many URLs/,
  ],
  [
    "an ID token's type",
    { ...rfc9068, AUTH_TOKEN_TYPES: "id_token+jwt" },
    "AUTH_TOKEN_TYPES",
    /not the type of an access token/,
  ],
  [
    "a logout token's type",
    { ...rfc9068, AUTH_TOKEN_TYPES: "logout+jwt" },
    "AUTH_TOKEN_TYPES",
    /not the type of an access token/,
  ],
  [
    "a user id that is the same for all users",
    { ...rfc9068, AUTH_USER_ID_CLAIM: "aud" },
    "AUTH_USER_ID_CLAIM",
    /does not identify the user/,
  ],
  [
    "a user id that differs in each session",
    { ...rfc9068, AUTH_USER_ID_CLAIM: "sid" },
    "AUTH_USER_ID_CLAIM",
    /does not identify the user/,
  ],
  [
    "the audience of Auth0's own API",
    { ...settingsOf("auth0"), AUTH_AUDIENCE: "https://team.eu.auth0.com/api/v2/" },
    "AUTH_AUDIENCE",
    /Management API/,
  ],
  ["two required scopes", { ...rfc9068, AUTH_REQUIRED_SCOPE: "a b" }, "AUTH_REQUIRED_SCOPE", /one scope/],
  [
    "a clock tolerance of an hour",
    { ...rfc9068, AUTH_CLOCK_TOLERANCE_SECONDS: "3600" },
    "AUTH_CLOCK_TOLERANCE_SECONDS",
    /0 to 120/,
  ],
  [
    "an Auth0 issuer without the trailing slash",
    { ...settingsOf("auth0"), AUTH_ISSUER: "https://team.eu.auth0.com" },
    "AUTH_ISSUER",
    /trailing slash/,
  ],
  [
    "Auth0's userinfo as audience",
    { ...settingsOf("auth0"), AUTH_AUDIENCE: "https://team.eu.auth0.com/userinfo" },
    "AUTH_AUDIENCE",
    /for any API/,
  ],
  [
    "a client id as Auth0's audience",
    { ...settingsOf("auth0"), AUTH_AUDIENCE: "app", AUTH_CLIENT_IDS: "app" },
    "AUTH_AUDIENCE",
    /ID tokens/,
  ],
  [
    "Okta's org authorization server",
    { ...settingsOf("okta"), AUTH_ISSUER: "https://team.okta.com" },
    "AUTH_ISSUER",
    /org authorization/,
  ],
  [
    "the endpoints of Okta's org authorization server",
    { ...settingsOf("okta"), AUTH_ISSUER: "https://team.okta.com/oauth2/v1" },
    "AUTH_ISSUER",
    /org authorization/,
  ],
  [
    "the URL of Okta's admin console",
    { ...settingsOf("okta"), AUTH_ISSUER: "https://team-admin.okta.com/oauth2/default" },
    "AUTH_ISSUER",
    /-admin/,
  ],
  [
    "the Entra issuer of all tenants",
    { ...settingsOf("entra"), AUTH_ISSUER: "https://login.microsoftonline.com/common/v2.0" },
    "AUTH_ISSUER",
    /every tenant/,
  ],
  [
    "the template of Entra issuers",
    { ...settingsOf("entra"), AUTH_ISSUER: "https://login.microsoftonline.com/{tenantid}/v2.0" },
    "AUTH_ISSUER",
    /every tenant/,
  ],
  [
    "the audience of Microsoft Graph",
    { ...settingsOf("entra"), AUTH_AUDIENCE: "00000003-0000-0000-c000-000000000000" },
    "AUTH_AUDIENCE",
    /Graph/,
  ],
  [
    "a workforce tenant with the External ID preset",
    { ...settingsOf("entra-external"), AUTH_ISSUER: `https://login.microsoftonline.com/${tenant}/v2.0` },
    "AUTH_ISSUER",
    /AUTH_PROVIDER=entra/,
  ],
  [
    "B2C without a user flow",
    { ...settingsOf("b2c"), AUTH_B2C_POLICY: "" },
    "AUTH_B2C_POLICY",
    /is required/,
  ],
  [
    "the Keycloak audience account",
    { ...settingsOf("keycloak"), AUTH_AUDIENCE: "account" },
    "AUTH_AUDIENCE",
    /mapper/,
  ],
  [
    "Zitadel without client ids",
    { ...settingsOf("zitadel"), AUTH_CLIENT_IDS: "" },
    "AUTH_CLIENT_IDS",
    /is required/,
  ],
  [
    "Cognito without client ids",
    { ...settingsOf("cognito"), AUTH_CLIENT_IDS: "" },
    "AUTH_CLIENT_IDS",
    /is required/,
  ],
  [
    "an audience for Cognito's ID tokens",
    { ...settingsOf("cognito-id"), AUTH_AUDIENCE: "x" },
    "AUTH_AUDIENCE",
    /AUTH_CLIENT_IDS/,
  ],
  [
    "Ory with neither an audience nor client ids",
    { ...settingsOf("ory"), AUTH_AUDIENCE: "" },
    "AUTH_AUDIENCE",
    /tokens for other services/,
  ],
  [
    "Clerk with neither origins nor native apps",
    { AUTH_PROVIDER: "clerk", AUTH_ISSUER: "https://clerk.example.com" },
    "AUTH_CLERK_ORIGINS",
    /no audience/,
  ],
  [
    "an origin with a wildcard",
    { ...settingsOf("clerk"), AUTH_CLERK_ORIGINS: "https://*.example.com" },
    "AUTH_CLERK_ORIGINS",
    /is not an origin/,
  ],
  [
    "client ids for Clerk",
    { ...settingsOf("clerk"), AUTH_CLIENT_IDS: "x" },
    "AUTH_CLIENT_IDS",
    /must not be set/,
  ],
  [
    "a required scope for Clerk",
    { ...settingsOf("clerk"), AUTH_REQUIRED_SCOPE: "x" },
    "AUTH_REQUIRED_SCOPE",
    /no scopes/,
  ],
  [
    "WorkOS without its client id",
    { ...settingsOf("workos"), AUTH_WORKOS_CLIENT_ID: "" },
    "AUTH_WORKOS_CLIENT_ID",
    /required/,
  ],
  [
    "Stytch without its project id",
    { ...settingsOf("stytch"), AUTH_ISSUER: "https://login.example.com", AUTH_STYTCH_PROJECT_ID: "" },
    "AUTH_STYTCH_PROJECT_ID",
    /required/,
  ],
  [
    "FusionAuth without its tenant id",
    { ...settingsOf("fusionauth"), AUTH_FUSIONAUTH_TENANT_ID: "" },
    "AUTH_FUSIONAUTH_TENANT_ID",
    /required/,
  ],
  ["FusionAuth without a key set URL", settingsOf("fusionauth"), "AUTH_JWKS_URL", /is not a URL/],
  [
    "Supabase's legacy tokens without the secret",
    { ...settingsOf("supabase-legacy"), AUTH_SUPABASE_JWT_SECRET: "" },
    "AUTH_SUPABASE_JWT_SECRET",
    /is required/,
  ],
  [
    "a shared secret that is too short",
    { ...settingsOf("supabase-legacy"), AUTH_SUPABASE_JWT_SECRET: "short" },
    "AUTH_SUPABASE_JWT_SECRET",
    /32 bytes/,
  ],
  [
    "ES256 with a shared secret",
    { ...settingsOf("supabase-legacy"), AUTH_ALGORITHMS: "ES256" },
    "AUTH_ALGORITHMS",
    /HS256 only/,
  ],
  [
    "a key set URL together with a shared secret",
    { ...settingsOf("supabase-legacy"), AUTH_JWKS_URL: "https://a.b/jwks" },
    "AUTH_JWKS_URL",
    /shared secret/,
  ],
];

describe("invalid settings", () => {
  test.each(rejected)("%s is rejected at startup", (_name, settings, setting, reason) => {
    const found = problemsOf(settings).filter((problem) => problem.startsWith(`${setting}: `));
    expect(found.join("\n")).toMatch(reason);
  });

  test("the preset custom requires every setting that it has no default for", () => {
    const problems = problemsOf({ AUTH_PROVIDER: "custom", AUTH_ISSUER: "https://idp.example.com" }).join(
      "\n",
    );
    for (const name of ["AUTH_ALGORITHMS", "AUTH_TOKEN_TYPES", "AUTH_USER_ID_CLAIM", "AUTH_AUDIENCE"]) {
      expect(problems).toContain(`${name}: is required`);
    }
  });

  test("all problems are reported at once, and none shows a secret", () => {
    const problems = problemsOf({
      AUTH_PROVIDER: "supabase-legacy",
      AUTH_SUPABASE_JWT_SECRET: "hunter2",
      AUTH_ISSUER: "http://abcdefgh.supabase.co/auth/v1",
      AUTH_ALGORITHMS: "none",
      AUTH_TOKEN_TYPES: "dpop+jwt",
      AUTH_ALLOW_ACTOR: "perhaps",
      AUTH_CLIENT_IDS: "*",
    });
    expect(problems.map((problem) => problem.split(":")[0]).sort()).toEqual([
      "AUTH_ALGORITHMS",
      "AUTH_ALLOW_ACTOR",
      "AUTH_CLIENT_IDS",
      "AUTH_ISSUER",
      "AUTH_SUPABASE_JWT_SECRET",
      "AUTH_TOKEN_TYPES",
    ]);
    expect(problems.join("\n")).not.toContain("hunter2");
  });
});

describe("valid settings", () => {
  test.each(providerCases)("$provider needs only its documented settings", (one) => {
    const needsKeys = one.provider === "fusionauth" || one.provider === "custom";
    const settings: Record<string, string> = { ...settingsOf(one.provider) };
    if (needsKeys) settings.AUTH_JWKS_URL = "https://keys.example.com/jwks";
    expect(problemsOf(settings)).toEqual([]);
  });

  test.each([
    ["auth0", "https://team.eu.auth0.com/.well-known/openid-configuration"],
    ["clerk", "https://clerk.example.com/.well-known/jwks.json"],
    ["firebase", "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"],
    ["entra", `https://login.microsoftonline.com/${tenant}/v2.0/.well-known/openid-configuration`],
    ["b2c", `https://team.b2clogin.com/${tenant}/B2C_1_signin/v2.0/.well-known/openid-configuration`],
    ["workos", "https://api.workos.com/sso/jwks/client_01"],
    ["stytch", "https://api.stytch.com/v1/sessions/jwks/project-live-1234"],
    ["descope", "https://api.descope.com/v2/keys/P2abcdefghijklmnopqrstuvwxyz"],
    ["better-auth", "https://app.example.com/api/auth/jwks"],
  ])("the keys of %s are at %s", (provider, url) => {
    expect(policyOf(settingsOf(provider)).issuers[0]?.keys).toMatchObject({ url });
  });

  test("the keys for Entra's version 1 tokens are not on the issuer's host", () => {
    const policy = policyOf({ ...settingsOf("entra"), AUTH_ISSUER: `https://sts.windows.net/${tenant}/` });
    expect(policy.issuers[0]?.keys).toEqual({
      from: "discovery",
      url: `https://login.microsoftonline.com/${tenant}/.well-known/openid-configuration`,
    });
  });

  test("each issuer can have its own key set URL", () => {
    const policy = policyOf({
      ...settingsOf("auth0"),
      AUTH_JWKS_URL: "https://a.example/jwks,https://b.example/jwks",
    });
    expect(policy.issuers.map(({ keys }) => "url" in keys && keys.url)).toEqual([
      "https://a.example/jwks",
      "https://b.example/jwks",
    ]);
  });

  test("each setting overrides one value of the preset", () => {
    const policy = policyOf({
      ...rfc9068,
      AUTH_ALGORITHMS: "ES384",
      AUTH_TOKEN_TYPES: "application/AT+JWT,absent",
      AUTH_USER_ID_CLAIM: "user_id",
      AUTH_CLOCK_TOLERANCE_SECONDS: "7",
    });
    expect(policy).toMatchObject({
      algorithms: ["ES384"],
      tokenTypes: ["at+jwt", "absent"],
      userIdClaim: "user_id",
      clockToleranceSeconds: 7,
    });
  });

  test.each([
    ["http://127.0.0.1:3000", true],
    ["http://localhost:3000", true],
    ["http://[::1]:3000", true],
    ["http://10.0.0.1", false],
    ["http://127.0.0.1.evil.example", false],
  ])("an issuer at %s over plain http is accepted: %s", (url, isAccepted) => {
    expect(problemsOf({ ...rfc9068, AUTH_ISSUER: url }).length === 0).toBe(isAccepted);
    expect(problemsOf({ ...rfc9068, AUTH_ISSUER: url, AUTH_ALLOW_HTTP: "true" })).toEqual([]);
  });

  test("the clock tolerance is 5 seconds for providers whose tokens last only minutes, and 30 seconds for others", () => {
    const toleranceOf = (provider: string) => policyOf(settingsOf(provider)).clockToleranceSeconds;
    expect(["clerk", "workos", "stytch", "descope"].map(toleranceOf)).toEqual([5, 5, 5, 5]);
    expect(["auth0", "cognito", "entra", "rfc9068"].map(toleranceOf)).toEqual([30, 30, 30, 30]);
  });

  test("the policy is frozen", () => {
    const policy = policyOf(rfc9068);
    expect(
      Object.isFrozen(policy) && Object.isFrozen(policy.issuers) && Object.isFrozen(policy.issuers[0]),
    ).toBe(true);
  });

  test("several issuers cause a warning, because the same id can belong to different people", () => {
    const two = { ...rfc9068, AUTH_ISSUER: `${issuer},https://idp.example.org` };
    expect(policyOf(two).warnings).toEqual([expect.stringMatching(/the same person at each/)]);
    expect(policyOf(rfc9068).warnings).toEqual([]);
  });

  test("the key set URL of a Descope project is in its region", () => {
    const keysOf = (projectId: string) =>
      policyOf({ AUTH_PROVIDER: "descope", AUTH_ISSUER: projectId }).issuers[0]?.keys;
    const id = "2abcdefghijklmnopqrstuvwxyz";
    expect(keysOf(`P${id}`)).toEqual({ from: "jwks", url: `https://api.descope.com/v2/keys/P${id}` });
    expect(keysOf(`Peuc1${id}`)).toEqual({
      from: "jwks",
      url: `https://api.euc1.descope.com/v2/keys/Peuc1${id}`,
    });
  });

  test("an id that can pass to another person causes a warning", () => {
    expect(policyOf({ ...rfc9068, AUTH_USER_ID_CLAIM: "email" }).warnings.join()).toMatch(
      /from one person to another/,
    );
    expect(policyOf(rfc9068).warnings).toEqual([]);
  });
});

describe("a shared secret", () => {
  test("can be read from a file, and causes a warning", () => {
    const folder = mkdtempSync(join(tmpdir(), "auth-settings-"));
    const path = join(folder, "secret");
    writeFileSync(path, `${legacySecret}\n`);
    const settings = { ...settingsOf("supabase-legacy"), AUTH_SUPABASE_JWT_SECRET: "" };
    const policy = policyOf({ ...settings, AUTH_SUPABASE_JWT_SECRET_FILE: path });
    rmSync(folder, { recursive: true });
    expect(policy.issuers[0]?.keys.from).toBe("secret");
    expect(policy.warnings.join()).toMatch(/can also create tokens/);
  });

  test("is never shown", () => {
    const policy = policyOf(settingsOf("supabase-legacy"));
    const everything = [
      describeAuthPolicy(policy),
      JSON.stringify(policy),
      inspect(policy, { depth: 9, showHidden: true }),
    ];
    expect(everything.join()).not.toContain(legacySecret);
  });
});

test("the startup log line describes the accepted tokens", () => {
  expect(
    describeAuthPolicy(policyOf({ ...rfc9068, AUTH_CLIENT_IDS: "app", AUTH_REQUIRED_SCOPE: "vital" })),
  ).toBe(
    'rfc9068: tokens of "https://idp.example.com" (keys from https://idp.example.com/.well-known/openid-configuration), ' +
      "alg RS256/PS256/ES256/EdDSA, typ at+jwt, " +
      'aud contains "https://api.example.com", user id in sub (any id), clients "app", scope vital, clock tolerance 30 s',
  );
  expect(describeAuthPolicy(policyOf(settingsOf("cognito")))).toContain(
    "no aud (checked instead: client_id)",
  );
});
