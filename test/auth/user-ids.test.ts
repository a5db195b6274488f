import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PresetName } from "../../src/auth/presets/presets.js";
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

const { keys, published } = createTestKeys();
let issuer: TestIssuer;
let jwksUrl: string;

beforeAll(async () => {
  issuer = await startIssuer();
  jwksUrl = issuer.publish("/jwks", published);
});
afterAll(() => issuer.close());

const caseOf = (provider: string): ProviderCase => {
  const found = providerCases.find((candidate) => candidate.provider === provider);
  if (found === undefined) throw new Error(`no case for ${provider}`);
  return found;
};

/** Returns a function that authenticates tokens with other claims: the app user id, or the reason of the rejection. */
function createReader(providerCase: ProviderCase, settings: Record<string, string> = {}) {
  const variant: Variant = { name: "", settings };
  const authentication = createAuthentication(readPolicy(toSettings(providerCase, variant, jwksUrl)));
  const compact = (claims: object) => createToken(providerCase, { ...variant, claims: { ...claims } }, keys);
  return {
    read: (claims: object): Promise<string> =>
      authentication.authenticate(bearer(compact(claims))).then(
        ({ appUserId }) => appUserId,
        (error: unknown) =>
          error instanceof ServiceError ? `rejected: ${error.reason ?? ""}` : String(error),
      ),
    explain: (claims: object) => authentication.explain(compact(claims)),
    close: authentication.close,
  };
}

/** What programs write where an id is missing, and the ids of visitors and default accounts. */
const sharedValues = [
  ...["undefined", "null", "NULL", "(null)", "nil", "<nil>", "None", "NaN", "N/A", "true", "false", "string"],
  ...[
    "[object Object]",
    "[object Promise]",
    "[object Undefined]",
    "-1",
    "0",
    "00",
    "anonymous",
    "Guest",
    "user",
  ],
  ...["unknown", "default", "anonymousUser", " undefined ", "Not supported currently. Use oid claim."],
  ...["00000000-0000-0000-0000-000000000000", "FFFFFFFF-ffff-ffff-ffff-ffffffffffff"],
  ...["000000000000000000000000", "00000000000000000000000000"],
  ...[" ", "   ", "\u00a0", "\u3000", "\u200b", "\ufeff\u2060", "-", "--", "?", "{}", "[]", '""', "|"],
  ...["{{user.id}}", "${user.id}", "{user_id}", "<user id>", "%USER_ID%"],
];

describe("an id that many users share is rejected", () => {
  test.each(providerCases)("with the preset $provider", async (providerCase) => {
    const { read, close } = createReader(providerCase);
    const accepted: string[] = [];
    for (const value of sharedValues) {
      const result = await read({ [providerCase.userIdClaim]: value });
      if (!result.startsWith("rejected: ")) accepted.push(value);
    }
    await close();
    expect(accepted).toEqual([]);
  });

  test.each(providerCases)(
    "in another claim and whatever the format, with the preset $provider",
    async (providerCase) => {
      const settings = { AUTH_USER_ID_CLAIM: "my_id", AUTH_USER_ID_FORMAT: "any" };
      const { read, close } = createReader(providerCase, settings);
      const wrong: string[] = [];
      for (const value of [...sharedValues, "my_id"]) {
        const result = await read({ my_id: value });
        if (!result.startsWith("rejected: the user id claim my_id ")) wrong.push(`${value}: ${result}`);
      }
      expect(wrong).toEqual([]);
      expect(await read({ my_id: "u-1" })).toBe("u-1");
      await close();
    },
  );

  test.each([
    ["the issuer", "iss"],
    ["the audience", "aud"],
    ["the tenant", "tid"],
    ["the organization", "org_id"],
    ["the client", "azp"],
  ])("when it is %s", async (_name, claim) => {
    const providerCase = caseOf("custom");
    const { read, close } = createReader(providerCase);
    const value = providerCase.claims[claim] ?? "org-1";
    expect(await read({ [claim]: value, user_id: value })).toMatch(
      /^rejected: the (user id claim|token belongs)/,
    );
    await close();
  });

  test("when it is a client of the settings that the token does not name", async () => {
    const { read, close } = createReader(caseOf("supabase"), {
      AUTH_CLIENT_IDS: "my-app",
      AUTH_USER_ID_CLAIM: "my_id",
    });
    expect(await read({ my_id: "my-app" })).toMatch(/^rejected: .*AUTH_CLIENT_IDS/);
    await close();
  });

  test("when only the part that a database chose is a placeholder", async () => {
    const results = await Promise.all(
      (
        [
          ["auth0", "oauth2|my-connection|undefined"],
          ["auth0", "auth0|null"],
          ["auth0", "auth0|"],
          ["clerk", "user_undefined"],
          ["workos", "user_null"],
          ["okta", "00u00000000000000000"],
          ["keycloak", "f:6f0c2a4e-6a57-4f0e-9d2a-0c6f3f9b8e11:undefined"],
          ["keycloak", "f:6f0c2a4e-6a57-4f0e-9d2a-0c6f3f9b8e11:"],
          ["stytch", "user-live-00000000-0000-0000-0000-000000000000"],
        ] as const
      ).map(async ([provider, id]) => {
        const providerCase = caseOf(provider);
        const { read, close } = createReader(providerCase);
        const result = await read({ [providerCase.userIdClaim]: id });
        await close();
        return result;
      }),
    );
    for (const result of results)
      expect(result).toMatch(/^rejected: the user id claim .* is not the id of one user/);
  });
});

const uuids = ["6f0c2a4e-6a57-4f0e-9d2a-0c6f3f9b8e11", "018F3C6E-1B2A-7C3D-8E4F-5A6B7C8D9E0F"];
const betterAuthIds = ["17", "9fVZQ2kXrT4bW8yNcJ6mD1sHpL3gA5eU", "ann@example.com"];
const clerkIds = ["user_2nFq5Yg5kWvQp8Xx1bZlT0r7uVa"];

/** Ids that a provider issues: its own, imported ones, and those of other directories. */
const realIds: Record<PresetName, string[]> = {
  auth0: [
    ...["auth0|507f1f77bcf86cd799439011", "google-oauth2|103547991597142817347", "apple|001234.0a1b.0011"],
    ...["samlp|conn|ann lee@x", "waad|a_-B", "auth0|user", "email|1", "oauth2|my-db|C-17", "ad|corp|Zoë|7"],
  ],
  clerk: clerkIds,
  "clerk-oauth": clerkIds,
  cognito: [...uuids, "f3d4e8a2-3041-70f7-0000-1c2d3e4f5a6b"],
  "cognito-id": uuids,
  firebase: ["aB3dE5fG7hI9jK1lM2nO4pQ6rS8t", "customer 17", "ann@example.com", "1", "a".repeat(128)],
  supabase: uuids,
  "supabase-legacy": uuids,
  okta: ["00ub0oNGTSWTBKOLGLNR", "00u1a2B3c4D5e6F7g8h9"],
  entra: uuids,
  "entra-external": uuids,
  b2c: uuids,
  keycloak: [
    ...uuids,
    ...["f:ldap:guest", "f:9d1:ann:lee", `f:${uuids[0] ?? ""}:${"n".repeat(100)}`, "legacy-id-17", "ann"],
  ],
  ory: [...uuids, "customer:17", "ann@example.com"],
  zitadel: ["264599999999999999", "ann-17"],
  workos: ["user_01E4ZCR3C56J083X43JQXF3JK5"],
  stytch: [
    "user-test-16d9ba61-97a1-4ba4-9720-b03761dc50c6",
    "user-live-16d9ba61-97a1-4ba4-9720-b03761dc50c6",
  ],
  descope: ["U2IVAJNUl7bSLqTWvPKMwvWCzqqF", "ann@example.com", "17"],
  fusionauth: uuids,
  "better-auth": betterAuthIds,
  "better-auth-oauth": betterAuthIds,
  rfc9068: ["17", "user-17", "null-1", "Nulla", "a", "{6f0c2a4e-6a57-4f0e-9d2a-0c6f3f9b8e11}", "😀"],
  custom: ["17", "507f1f77bcf86cd799439011", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "ann@example.com"],
};

test.each(providerCases)("ids as $provider issues them are accepted", async (providerCase) => {
  const { read, close } = createReader(providerCase);
  const ids = realIds[providerCase.provider];
  const results = await Promise.all(ids.map((id) => read({ [providerCase.userIdClaim]: id })));
  await close();
  expect(results).toEqual(ids);
});

test("a constant that is in no list is rejected by every preset whose provider has a format", async () => {
  const constants = ["customer", "app", "main", "test-user", "12345", "x@example.com"];
  const accepting: string[] = [];
  for (const providerCase of providerCases) {
    const { read, close } = createReader(providerCase);
    const results = await Promise.all(constants.map((id) => read({ [providerCase.userIdClaim]: id })));
    await close();
    if (results.some((result) => !result.startsWith("rejected: "))) accepting.push(providerCase.provider);
  }
  // Their users may have any id: imported, chosen by the team, or from another directory.
  const free = [
    "better-auth",
    "better-auth-oauth",
    "custom",
    "descope",
    "firebase",
    "keycloak",
    "ory",
    "rfc9068",
    "zitadel",
  ];
  expect(accepting.sort()).toEqual(free);
});

describe("the format of user ids", () => {
  const uuidProviders = ["cognito", "supabase", "entra", "entra-external", "b2c", "fusionauth"];

  test.each(uuidProviders)("is a UUID for %s", async (provider) => {
    const providerCase = caseOf(provider);
    const { read, close } = createReader(providerCase);
    expect(await read({ [providerCase.userIdClaim]: "ann@example.com" })).toMatch(
      new RegExp(
        `^rejected: the user id claim ${providerCase.userIdClaim} is not in the format.*a UUID.*AUTH_USER_ID_FORMAT`,
      ),
    );
    await close();
  });

  test.each(uuidProviders)(
    "does not apply to another claim that the settings select, for %s",
    async (provider) => {
      const { read, close } = createReader(caseOf(provider), { AUTH_USER_ID_CLAIM: "customer_number" });
      expect(await read({ customer_number: "C-17" })).toBe("C-17");
      await close();
    },
  );

  test("can be replaced by a setting", async () => {
    const id = "C-17";
    const supabase = createReader(caseOf("supabase"), { AUTH_USER_ID_FORMAT: "any" });
    expect(await supabase.read({ sub: id })).toBe(id);
    await supabase.close();
    const accepted: Record<string, string> = {
      uuid: "6f0c2a4e-6a57-4f0e-9d2a-0c6f3f9b8e11",
      ulid: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
      "object-id": "507f1f77bcf86cd799439011",
      digits: "17",
    };
    for (const [format, own] of Object.entries(accepted)) {
      const { read, close } = createReader(caseOf("custom"), { AUTH_USER_ID_FORMAT: format });
      expect(await read({ user_id: own })).toBe(own);
      expect(await read({ user_id: id })).toMatch(
        /^rejected: the user id claim user_id is not in the format/,
      );
      await close();
    }
  });

  test("and the claim are named by doctor --token, which never shows the id", async () => {
    const { explain, close } = createReader(caseOf("b2c"));
    const userIdChecks = async (claims: object) =>
      (await explain(claims)).filter(({ check }) => check.startsWith("user id"));
    expect(await userIdChecks({})).toEqual([
      { check: "user id", ok: true, detail: "an app user id in oid, or else sub" },
      {
        check: "user id of one user",
        ok: true,
        detail: "not a placeholder, and not the id of a client, service or tenant",
      },
      { check: "user id format", ok: true, detail: "a UUID" },
    ]);
    const shared = (await userIdChecks({ oid: undefined })).filter(({ ok }) => !ok);
    expect(shared.map(({ check }) => check)).toEqual(["user id of one user", "user id format"]);
    expect(shared[0]?.fix).toMatch(/object ID .* so that tokens have oid/);
    const personal = await explain({ oid: "ann@example.com" });
    expect(personal.find(({ check }) => check === "user id format")?.ok).toBe(false);
    expect(JSON.stringify(personal)).not.toContain("ann@example.com");
    await close();
  });

  test("is no reason to suggest a claim that the token lacks: a shared id names the claim that the token has", async () => {
    const { explain, close } = createReader(caseOf("rfc9068"));
    const fixOf = async (claims: object) =>
      (await explain({ sub: "undefined", ...claims })).find(({ check }) => check === "user id of one user")
        ?.fix;
    expect(await fixOf({ oid: "6f0c2a4e-6a57-4f0e-9d2a-0c6f3f9b8e11" })).toContain(
      "set AUTH_USER_ID_CLAIM=oid",
    );
    expect(await fixOf({})).not.toContain("AUTH_USER_ID_CLAIM=");
    await close();
  });
});
