import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { decodeSignInToken } from "../../simulator/sign-in-token.js";
import { unknownUserId, startTestSimulator, type TestSimulator } from "../support/simulator.js";

const hourMs = 3_600_000;
let clock = Date.parse("2026-11-01T00:00:00Z");
let vital: TestSimulator;
beforeAll(async () => {
  vital = await startTestSimulator({ now: () => clock });
});
afterAll(() => vital.close());

const tokenExchange = {
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  subject_token_type: "urn:junction:sign-in-token",
};
const signIn = (userToken: string) => vital.exchange({ ...tokenExchange, subject_token: userToken });
const refresh = (refreshToken: unknown) =>
  vital.exchange({ grant_type: "refresh_token", refresh_token: String(refreshToken) });
const invalidToken = { detail: { error_type: "invalid_token" } };

async function createToken(clientUserId: string, key?: string) {
  const created = await vital.create(clientUserId, key);
  const vitalUserId = String(created.body.user_id);
  const { body } = await vital.token(vitalUserId, key);
  const token = String(body.sign_in_token);
  return { vitalUserId, teamId: created.body.team_id, token, userToken: decodeSignInToken(token).userToken };
}

describe("a sign-in token", () => {
  test.each([
    ["sk_us_1", "stg", "us"],
    ["pk_us_1", "prd", "us"],
    ["sk_eu_1", "stg", "eu"],
    ["pk_eu_1", "prd", "eu"],
  ])("of the key %s decodes by the SDK's rules to %s and %s", async (key, environment, region) => {
    const { vitalUserId, teamId, token } = await createToken(`decoded-${key}`, key);
    expect(decodeSignInToken(token)).toMatchObject({ environment, region, vitalUserId, teamId });
  });

  test("is new for every call, and is returned with the user id", async () => {
    const { vitalUserId, token } = await createToken("fresh");
    const { status, body } = await vital.token(vitalUserId);
    expect([status, body.user_id]).toEqual([200, vitalUserId]);
    expect(body.sign_in_token).not.toBe(token);
  });

  test("is rejected with 404 for an unknown user, 422 for an invalid UUID and 401 without a key", async () => {
    expect((await vital.token(unknownUserId)).status).toBe(404);
    expect((await vital.token("nonsense")).status).toBe(422);
    const path = `/v2/user/${unknownUserId}/sign_in_token`;
    expect((await vital.call("POST", path, { key: null })).status).toBe(401);
  });
});

describe("the exchange", () => {
  test("returns tokens with a numeric lifetime, and a refresh returns new ones", async () => {
    const { userToken } = await createToken("exchanged");
    const { status, body } = await signIn(userToken);
    expect(status).toBe(200);
    const tokens = {
      access_token: expect.any(String) as string,
      refresh_token: expect.any(String) as string,
      expires_in: 3600,
    };
    expect(body).toEqual(tokens);
    const refreshed = await refresh(body.refresh_token);
    expect([refreshed.status, refreshed.body]).toEqual([200, tokens]);
    expect(refreshed.body.access_token).not.toBe(body.access_token);
    expect((await refresh(refreshed.body.refresh_token)).status).toBe(200);
  });

  test("rejects everything else as an invalid token", async () => {
    const { userToken, token } = await createToken("forged");
    const [header = "", claims = "", signature = ""] = userToken.split(".");
    const { body } = await signIn(userToken);
    const forms: Record<string, string>[] = [
      { ...tokenExchange, subject_token: "garbage" },
      { ...tokenExchange, subject_token: token },
      { ...tokenExchange, subject_token: `${header}.${claims}.${"A".repeat(signature.length)}` },
      { ...tokenExchange, subject_token: `${header}.${claims}.` },
      { ...tokenExchange, subject_token: String(body.access_token) },
      { ...tokenExchange, subject_token_type: "other", subject_token: userToken },
      tokenExchange,
      { grant_type: "refresh_token", refresh_token: "garbage" },
      { grant_type: "refresh_token", refresh_token: `${String(body.refresh_token)}x` },
      { grant_type: "refresh_token" },
      { grant_type: "password" },
      {},
    ];
    for (const form of forms) {
      const rejected = await vital.exchange(form);
      expect([rejected.status, rejected.body]).toEqual([400, invalidToken]);
    }
  });

  test("accepts only form bodies", async () => {
    const { userToken } = await createToken("json");
    const body = { ...tokenExchange, subject_token: userToken };
    expect((await vital.call("POST", "/v1/token", { body })).body).toEqual(invalidToken);
  });

  test("rejects both tokens of a deleted user", async () => {
    const { vitalUserId, userToken } = await createToken("deleted");
    const { body } = await signIn(userToken);
    await vital.call("DELETE", `/v2/user/${vitalUserId}`);
    expect((await signIn(userToken)).body).toEqual(invalidToken);
    expect((await refresh(body.refresh_token)).body).toEqual(invalidToken);
  });

  test("rejects a sign-in token after one hour", async () => {
    const { userToken } = await createToken("old");
    clock += hourMs;
    expect((await signIn(userToken)).body).toEqual(invalidToken);
  });
});

describe("the decoder", () => {
  const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const wrap = (envelope: unknown) => Buffer.from(JSON.stringify(envelope)).toString("base64");
  const header = { alg: "RS256", typ: "JWT" };
  const claims = {
    iss: "id-signer-dev-us@vital-id-dev-us.iam.gserviceaccount.com",
    uid: unknownUserId,
    tenant_id: "t-1",
    claims: { vital_team_id: unknownUserId },
  };
  const build = (head: object = header, body: object = claims) =>
    wrap({ public_key: "k", user_token: `${segment(head)}.${segment(body)}.c2ln` });

  test("accepts a token that breaks no rule", () => {
    expect(decodeSignInToken(build())).toMatchObject({ environment: "dev", region: "us", tenantId: "t-1" });
  });

  test.each([
    ["", "padded standard base64"],
    [build().replace(/=*$/, "") + "\n", "padded standard base64"],
    ["a-_b", "padded standard base64"],
    [Buffer.from("[]").toString("base64"), "not a JSON object"],
    [Buffer.from("nope").toString("base64"), "not JSON"],
    [wrap({ user_token: "a.b.c" }), "public_key"],
    [wrap({ public_key: "k", user_token: 7 }), "user_token"],
    [wrap({ public_key: "k", user_token: "a.b" }), "three parts"],
    [build({ ...header, version: 1 }), "header value"],
    [build({ ...header, alg: "none" }), "alg"],
    [build({ ...header, typ: "at+jwt" }), "typ"],
    [build(header, { ...claims, uid: "nonsense" }), "uid"],
    [build(header, { ...claims, uid: undefined }), "uid"],
    [build(header, { ...claims, tenant_id: 1 }), "tenant_id"],
    [build(header, { ...claims, claims: {} }), "vital_team_id"],
    [build(header, { ...claims, claims: null }), "claims"],
    [build(header, { ...claims, iss: "https://issuer.test" }), "iss"],
    [build(header, { ...claims, iss: claims.iss.replace("signer-dev", "signer-local") }), "iss"],
    [build(header, { ...claims, note: "??>>~~??>>~~" }), "standard base64 alphabet"],
  ])("rejects invalid token %# and names the rule that it breaks", (token, reason) => {
    expect(() => decodeSignInToken(token)).toThrow(reason);
  });
});
