import { afterAll, beforeAll, expect, test } from "vitest";

import { startTestSimulator, unknownUserId, type TestSimulator } from "../support/simulator.js";
import { listSdkCalls, signInSdk } from "../support/vital/signed-in-sdk.js";

const hourMs = 3_600_000;
let clock = Date.parse("2026-11-01T08:00:00Z");
let vital: TestSimulator;
beforeAll(async () => {
  vital = await startTestSimulator({ now: () => clock });
});
afterAll(() => vital.close());

const signIn = (clientUserId: string) => signInSdk(vital, clientUserId);

test("an access token gives no access to another user, known or not, and the responses do not differ", async () => {
  const [own, other] = [await signIn("own"), await signIn("other")];
  for (const userId of [other.vitalUserId, other.vitalUserId.toUpperCase(), unknownUserId]) {
    for (const [method, path, body] of listSdkCalls(userId)) {
      const { status, detail } = await own.call(method, path, { body });
      expect([path, status, detail]).toEqual([path, 403, "The access token belongs to a different user"]);
    }
  }
  expect((await other.call("GET", `/v2/user/providers/${other.vitalUserId}`)).body).toEqual({
    providers: [],
  });
});

test("an access token gives no access to a user of another team", async () => {
  const { call } = await signIn("team");
  const foreign = await vital.createId("team", "sk_us_team-other_1");
  expect((await call("GET", `/v2/user/${foreign}`)).status).toBe(403);
});

test("an access token is not accepted for the operations that need an API key", async () => {
  const { vitalUserId, call } = await signIn("server-only");
  for (const [method, path, body] of [
    ["POST", "/v2/user", { client_user_id: "by-token" }],
    ["GET", "/v2/user", undefined],
    ["GET", "/v2/user/resolve/server-only", undefined],
    ["PATCH", `/v2/user/${vitalUserId}`, { client_user_id: "renamed" }],
    ["DELETE", `/v2/user/${vitalUserId}`, undefined],
    ["POST", `/v2/user/undo_delete?user_id=${vitalUserId}`, undefined],
    ["POST", `/v2/user/${vitalUserId}/sign_in_token`, undefined],
  ] as const) {
    const { status } = await call(method, path, { body });
    expect([path, status]).toEqual([path, 401]);
  }
  expect((await vital.resolve("server-only")).status).toBe(200);
});

test("an access token is rejected with 401 when it is malformed, forged or another kind of token", async () => {
  const { vitalUserId, accessToken, refreshToken, userToken } = await signIn("malformed");
  const [header = "", claims = "", signature = ""] = accessToken.split(".");
  const forgedClaims = Buffer.from(
    JSON.stringify({ sub: vitalUserId, vital_team_id: unknownUserId, exp: 9_999_999_999 }),
  ).toString("base64url");
  const other = await signIn("malformed-other");
  const authorizations = [
    "Bearer garbage",
    "Bearer",
    "Bearer ",
    "Basic dXNlcjpwYXNz",
    accessToken,
    `Bearer ${accessToken} x`,
    `Bearer ${accessToken}.x`,
    `Bearer ${header}.${claims}.`,
    `Bearer ${header}.${claims}.${"A".repeat(signature.length)}`,
    `Bearer ${header}.${forgedClaims}.${signature}`,
    `Bearer ${header}.${claims}.${other.accessToken.split(".")[2] ?? ""}`,
    `Bearer ${Buffer.from('{"alg":"none"}').toString("base64url")}.${claims}.`,
    `Bearer ${userToken}`,
    `Bearer ${refreshToken}`,
  ];
  for (const [method, path, body] of listSdkCalls(vitalUserId)) {
    for (const authorization of authorizations) {
      const { status, detail } = await vital.call(method, path, {
        key: null,
        body,
        headers: { authorization },
      });
      expect([path, authorization, status, detail]).toEqual([path, authorization, 401, "invalid token"]);
    }
    const missing = await vital.call(method, path, { key: null, body });
    expect([missing.status, missing.detail]).toEqual([401, "Missing x-vital-api-key"]);
  }
  const scheme = { authorization: `bearer ${accessToken}` };
  expect((await vital.call("GET", `/v2/user/${vitalUserId}`, { key: null, headers: scheme })).status).toBe(
    200,
  );
});

test("an access token expires after one hour, and a refresh returns one that works", async () => {
  const { vitalUserId, call, refreshAndCall } = await signIn("expired");
  const path = `/v2/user/${vitalUserId}`;
  clock += hourMs - 1_000;
  expect((await call("GET", path)).status).toBe(200);
  clock += 1_000;
  const expired = await call("GET", path);
  expect([expired.status, expired.detail]).toEqual([401, "invalid token"]);
  expect((await refreshAndCall("GET", path)).status).toBe(200);
});

test("an access token from another simulator is rejected", async () => {
  const { vitalUserId, accessToken } = await signIn("elsewhere");
  const second = await startTestSimulator();
  const headers = { authorization: `Bearer ${accessToken}` };
  const { status } = await second.call("GET", `/v2/user/${vitalUserId}`, { key: null, headers });
  expect(status).toBe(401);
  await second.close();
});

test("an access token of a deleted user finds no user, and the connections are gone even after an undo", async () => {
  const { vitalUserId, call } = await signIn("deleted");
  await call("POST", "/v2/link/provider/manual/manual", { body: { user_id: vitalUserId } });
  await vital.call("DELETE", `/v2/user/${vitalUserId}`);
  const scheduled = "The user has been scheduled for deletion as per your previous request";
  for (const [method, path, body] of listSdkCalls(vitalUserId)) {
    const { status, detail } = await call(method, path, { body });
    const expected =
      path === `/v2/user/${vitalUserId}`
        ? "You have scheduled this user for deletion."
        : path.endsWith("/info/latest")
          ? "User demographics data not found"
          : scheduled;
    expect([path, status, detail]).toEqual([path, 404, expected]);
  }
  await vital.call("POST", `/v2/user/undo_delete?user_id=${vitalUserId}`);
  expect((await call("GET", `/v2/user/providers/${vitalUserId}`)).body).toEqual({ providers: [] });
});

test("an access token is accepted although the simulator accepts only one key", async () => {
  const strict = await startTestSimulator({ apiKey: "sk_us_only" });
  const { vitalUserId, call, accessToken } = await signInSdk(strict, "only", "sk_us_only");
  const path = `/v2/user/${vitalUserId}`;
  expect((await call("GET", path)).status).toBe(200);
  const headers = { authorization: `Bearer ${accessToken}` };
  expect((await strict.call("GET", path, { key: "sk_us_other", headers })).status).toBe(401);
  await strict.close();
});
