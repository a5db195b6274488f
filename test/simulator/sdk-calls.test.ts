import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";

import { startTestSimulator, unknownUserId, type TestSimulator } from "../support/simulator.js";
import { listSdkCalls, signInSdk, syncStateBody } from "../support/vital/signed-in-sdk.js";

const hourMs = 3_600_000;
const clock = Date.parse("2026-11-01T08:00:00Z");
let vital: TestSimulator;
beforeAll(async () => {
  vital = await startTestSimulator({ now: () => clock });
});
afterAll(() => vital.close());

const signIn = (clientUserId: string) => signInSdk(vital, clientUserId);

const success = { success: true };

test("an SDK that writes its user id in upper case gets through its first minute", async () => {
  const { vitalUserId, call } = await signIn("first-minute");
  const upper = vitalUserId.toUpperCase();
  expect((await call("GET", `/v2/user/${upper}`)).body).toMatchObject({
    user_id: vitalUserId,
    client_user_id: "first-minute",
    connected_sources: [],
  });
  expect((await call("GET", `/v2/user/providers/${upper}`)).body).toEqual({ providers: [] });

  const connect = { body: { user_id: upper, provider_id: null, granted_permissions: null } };
  for (let n = 0; n < 2; n += 1) {
    const connected = await call("POST", "/v2/link/provider/manual/apple_health_kit", connect);
    expect([connected.status, connected.body]).toEqual([200, success]);
  }
  const provider = {
    name: "Apple HealthKit",
    slug: "apple_health_kit",
    logo: expect.stringMatching(/^https:/) as string,
  };
  const available = { status: "available", scope_requirements: null };
  expect((await call("GET", `/v2/user/providers/${upper}`)).body).toEqual({
    providers: [
      {
        ...provider,
        created_on: "2026-11-01T08:00:00+00:00",
        status: "connected",
        external_user_id: null,
        error_details: null,
        resource_availability: expect.objectContaining({ sleep: available, activity: available }) as object,
      },
    ],
  });
  const { connected_sources: sources } = (await call("GET", `/v2/user/${upper}`)).body;
  expect(sources).toEqual([{ provider, source: provider, created_on: "2026-11-01T08:00:00+00:00" }]);

  const state = await call("POST", `/v2/user/${upper}/sdk_sync_state/apple_health_kit`, {
    body: syncStateBody,
  });
  expect([state.status, state.headers.get("content-type"), state.body]).toEqual([
    200,
    "application/json",
    {
      status: "active",
      request_start_date: null,
      request_end_date: null,
      ingestion_start: null,
      per_device_activity_ts: false,
      expires_in: 14_400,
    },
  ]);

  const stage = {
    range_start: "2026-10-01T00:00:00Z",
    range_end: "2026-11-01T00:00:00Z",
    backfill_type: "sleep",
  };
  const started = `/v2/user/${upper}/sdk_start_historical_stage/apple_health_kit`;
  expect((await call("POST", started, { body: stage })).status).toBe(200);

  const compressed = {
    raw: gzipSync(JSON.stringify({ stage: "historical", data: [{ value: 61 }] })),
    headers: { "content-encoding": "gzip" },
  };
  for (const path of [
    `/v2/summary/sleep/${upper}`,
    `/v2/timeseries/${upper}/heartrate`,
    `/v2/user/${upper}/sdk_sync_progress/apple_health_kit`,
  ]) {
    expect([path, (await call("POST", path, compressed)).body]).toEqual([path, success]);
  }
});

test("a provider that is deregistered leaves the list", async () => {
  const { vitalUserId, call } = await signIn("deregistered");
  const path = `/v2/user/providers/${vitalUserId}`;
  for (const slug of ["health_connect", "samsung_health"]) {
    await call("POST", `/v2/link/provider/manual/${slug}`, { body: { user_id: vitalUserId } });
  }
  const removed = await call("DELETE", `/v2/user/${vitalUserId}/health_connect`);
  expect([removed.status, removed.body]).toEqual([200, success]);
  expect((await call("GET", path)).body).toMatchObject({ providers: [{ slug: "samsung_health" }] });
});

test("every call of the SDK is accepted with an API key too", async () => {
  const vitalUserId = await vital.createId("with-key");
  for (const [method, path, body] of listSdkCalls(vitalUserId)) {
    const { status } = await vital.call(method, path, body === undefined ? {} : { body });
    expect([path, status]).toEqual([path, path.endsWith("/info/latest") ? 404 : 200]);
  }
});

test("the exchange is also served under /auth, where the SDK for iOS expects it on localhost", async () => {
  const { refreshToken } = await signIn("auth-path");
  const { status } = await vital.call("POST", "/auth/v1/token", {
    key: null,
    raw: new URLSearchParams({ grant_type: "refresh_token", refresh_token: refreshToken }).toString(),
    contentType: "application/x-www-form-urlencoded",
  });
  expect(status).toBe(200);
});

test("the demographics of a user are not found, as for a user of whom Vital has none", async () => {
  const vitalUserId = await vital.createId("demographics");
  const read = (id: string) => vital.call("GET", `/v2/user/${id}/info/latest`);
  const [known, unknown, invalid] = [await read(vitalUserId), await read(unknownUserId), await read("abc")];
  expect([known.status, known.detail]).toEqual([404, "User demographics data not found"]);
  expect([unknown.status, unknown.detail]).toEqual([404, "User not found"]);
  expect([invalid.status, invalid.detail]).toEqual([
    422,
    "Invalid format for parameter user_id: error unmarshaling 'abc' text as *uuid.UUID: invalid UUID length: 3",
  ]);
});

test("seven days after the end of ingestion the connections and the sync state are paused", async () => {
  const { vitalUserId, call } = await signIn("paused");
  await call("POST", "/v2/link/provider/manual/health_connect", { body: { user_id: vitalUserId } });
  const readStatuses = async () => {
    const { providers } = (await vital.call("GET", `/v2/user/providers/${vitalUserId}`)).body;
    const path = `/v2/user/${vitalUserId}/sdk_sync_state/health_connect`;
    const { body } = await vital.call("POST", path, { body: syncStateBody });
    return [(providers as { status: string }[])[0]?.status, body.status, body.ingestion_start];
  };
  const day = (offset: number) => new Date(clock + offset * 24 * hourMs).toISOString().slice(0, 10);
  const end = (date: string) =>
    vital.call("PATCH", `/v2/user/${vitalUserId}`, {
      body: { ingestion_start: "2026-01-01", ingestion_end: date },
    });
  await end(day(-6));
  expect(await readStatuses()).toEqual(["connected", "active", "2026-01-01T00:00:00+00:00"]);
  await end(day(-7));
  expect(await readStatuses()).toEqual(["paused", "paused", "2026-01-01T00:00:00+00:00"]);
});

test.each<[string, { path: string; body: unknown; status: number; detail: unknown }]>([
  [
    "an unknown provider",
    {
      path: "/v2/link/provider/manual/fitbit",
      body: { user_id: unknownUserId },
      status: 422,
      detail: [expect.objectContaining({ type: "enum", loc: ["path", "provider"], input: "fitbit" })],
    },
  ],
  [
    "a connection without a user id",
    {
      path: "/v2/link/provider/manual/manual",
      body: {},
      status: 422,
      detail: [{ type: "missing", loc: ["body", "user_id"], msg: "Field required", input: {} }],
    },
  ],
  [
    "a connection with an invalid user id",
    {
      path: "/v2/link/provider/manual/manual",
      body: { user_id: "abc" },
      status: 422,
      detail: [expect.objectContaining({ type: "uuid_parsing", loc: ["body", "user_id"] })],
    },
  ],
  [
    "a connection of an unknown user",
    {
      path: "/v2/link/provider/manual/manual",
      body: { user_id: unknownUserId },
      status: 404,
      detail: "The user does not or no longer exists in this team",
    },
  ],
  [
    "a sync state without a time zone",
    {
      path: `/v2/user/${unknownUserId}/sdk_sync_state/apple_health_kit`,
      body: { tzinfo: 1 },
      status: 422,
      detail: [expect.objectContaining({ type: "string_type", loc: ["body", "tzinfo"] })],
    },
  ],
  [
    "data of an unknown user",
    {
      path: `/v2/summary/sleep/${unknownUserId}`,
      body: {},
      status: 404,
      detail: "The user does not or no longer exists in this team",
    },
  ],
])("%s is rejected", async (_name, { path, status, detail, body }) => {
  const rejected = await vital.call("POST", path, { body });
  expect([rejected.status, rejected.detail]).toEqual([status, detail]);
});

test("health data that is not compressed as its header says is rejected, and large data is accepted", async () => {
  const { vitalUserId, call } = await signIn("data");
  const path = `/v2/timeseries/${vitalUserId}/heartrate`;
  const headers = { "content-encoding": "gzip" };
  expect((await call("POST", path, { raw: Buffer.from("{}"), headers })).status).toBe(400);
  expect((await call("POST", path, { raw: Buffer.from("not JSON") })).status).toBe(422);
  expect((await call("POST", path, { raw: Buffer.from("[]") })).status).toBe(422);
  const samples = Array.from({ length: 200_000 }, (_, n) => ({ value: n }));
  const large = Buffer.from(JSON.stringify({ data: samples }));
  expect(large.length).toBeGreaterThan(2 * 1024 * 1024);
  expect((await call("POST", path, { raw: large })).status).toBe(200);
});

test("health data is counted and not stored: no response and no list contains it", async () => {
  const { vitalUserId, call, accessToken } = await signIn("not-stored");
  await call("POST", `/v2/summary/sleep/${vitalUserId}`, { body: { data: ["very private"] } });
  const lists = await Promise.all(["requests", "ledger", "timeline"].map((path) => vital.read(path)));
  const user = await call("GET", `/v2/user/${vitalUserId}`);
  const text = JSON.stringify([...lists, user.body]);
  expect(text).not.toContain("very private");
  expect(text).not.toContain(accessToken);
  const { requests } = await vital.read("requests");
  expect(requests).toContainEqual({
    method: "POST",
    path: "/v2/summary/:resource/:user_id",
    status: 200,
    count: expect.any(Number) as number,
  });
});

test("a fault affects the calls of the SDK by their name", async () => {
  const { vitalUserId, call } = await signIn("faulty");
  await vital.fault({ operation: "sdk-sync-state", kind: "status", status: 503, times: 1 });
  const path = `/v2/user/${vitalUserId}/sdk_sync_state/apple_health_kit`;
  expect((await call("POST", path, { body: syncStateBody })).status).toBe(503);
  expect((await call("POST", path, { body: syncStateBody })).status).toBe(200);
});
