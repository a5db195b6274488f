import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { unknownUserId, startTestSimulator, type TestSimulator } from "../support/simulator.js";
import { signInSdk } from "../support/vital/signed-in-sdk.js";

let vital: TestSimulator;
beforeAll(async () => {
  vital = await startTestSimulator();
});
afterAll(() => vital.close());

const hostileIds = [
  "a b",
  "%2e%2e",
  "%2F",
  "a%2Fb",
  "%252F",
  "%3F",
  "%",
  "%zz",
  "a?b=c#d",
  "a+b&c",
  "👩‍⚕️",
  "é",
  "e\u0301",
  "__proto__",
  "constructor",
  "toString",
  '"\\',
  "line\nbreak",
  "$ne",
  "a;b=c",
  "auth0|5f7c8ec7c33c6c004bbafe82",
  "𐀀".repeat(256),
];

test.each(hostileIds)("the id %j is returned unchanged, by resolve and by user id", async (id) => {
  const vitalUserId = await vital.createId(id);
  expect((await vital.resolve(id)).body).toMatchObject({ user_id: vitalUserId, client_user_id: id });
  expect((await vital.call("GET", `/v2/user/${vitalUserId}`)).body.client_user_id).toBe(id);
});

test("ids that differ in case, Unicode normalization or spaces are different users", async () => {
  const ids = ["Case", "case", "case ", "\u00e9x", "e\u0301x"];
  const vitalUserIds = await Promise.all(ids.map((id) => vital.createId(id)));
  expect(new Set(vitalUserIds).size).toBe(ids.length);
});

test.each(["__proto__", "constructor", "unknown", "valueOf"])(
  "resolving the unknown id %s returns 404",
  async (id) => {
    const other = "sk_us_team-empty_1";
    const { status, body } = await vital.resolve(id, other);
    expect([status, body]).toEqual([404, { detail: "User not found" }]);
  },
);

describe("reading one user", () => {
  test("accepts the user id in upper or lower case", async () => {
    const vitalUserId = await vital.createId("case-of-id");
    const { status, body } = await vital.call("GET", `/v2/user/${vitalUserId.toUpperCase()}`);
    expect([status, body.user_id]).toEqual([200, vitalUserId]);
  });

  test("returns 404 for an unknown user", async () => {
    const { status, body } = await vital.call("GET", `/v2/user/${unknownUserId}`);
    expect([status, body]).toEqual([404, { detail: "Not found" }]);
  });

  test("returns 422 with a text for an id that is not a UUID", async () => {
    const { status, body } = await vital.call("GET", "/v2/user/nonsense");
    expect([status, body]).toEqual([
      422,
      {
        detail:
          "Invalid format for parameter user_id: error unmarshaling 'nonsense' text as *uuid.UUID: invalid UUID length: 8",
      },
    ]);
  });

  test("returns no end of ingestion where there is no start, unlike the list", async () => {
    const key = "sk_us_team-end_1";
    const body = { client_user_id: "only end", ingestion_end: "2026-12-01" };
    const created = await vital.call("POST", "/v2/user", { body, key });
    const read = await vital.call("GET", `/v2/user/${String(created.body.user_id)}`, { key });
    expect(read.body).toMatchObject({ ingestion_start: null, ingestion_end: null });
    expect((await vital.call("GET", "/v2/user", { key })).body.users).toMatchObject([
      { ingestion_start: null, ingestion_end: "2026-12-01" },
    ]);
  });

  test("returns the zero date for an open end of ingestion, where the list returns null", async () => {
    const fields = { client_user_id: "open end", ingestion_start: "2026-01-01" };
    const key = "sk_us_team-open_1";
    const created = await vital.call("POST", "/v2/user", { body: fields, key });
    const read = await vital.call("GET", `/v2/user/${String(created.body.user_id)}`, { key });
    expect(read.body.ingestion_end).toBe("0001-01-01");
    expect((await vital.resolve("open end", key)).body.ingestion_end).toBe("0001-01-01");
    const list = await vital.call("GET", "/v2/user", { key });
    expect(list.body.users).toMatchObject([{ ingestion_start: "2026-01-01", ingestion_end: null }]);
  });
});

describe("the list", () => {
  const key = "sk_us_team-list_1";
  const list = (query = "") => vital.call("GET", `/v2/user${query}`, { key });
  const idsOf = (body: Record<string, unknown>) =>
    (body.users as { client_user_id: string }[]).map((user) => user.client_user_id);

  beforeAll(async () => {
    for (let n = 1; n <= 120; n += 1) await vital.create(`list-${n}`, key);
    const deleted = await vital.resolve("list-119", key);
    await vital.call("DELETE", `/v2/user/${String(deleted.body.user_id)}`, { key });
  });

  test("returns a hundred users, newest first, without deleted ones", async () => {
    const { status, body } = await list();
    expect(status).toBe(200);
    expect(body).toMatchObject({ total: 119, offset: 0, limit: 100 });
    expect(idsOf(body)).toHaveLength(100);
    expect(idsOf(body).slice(0, 3)).toEqual(["list-120", "list-118", "list-117"]);
  });

  test("is paged by offset and limit", async () => {
    const { body } = await list("?offset=117&limit=500");
    expect(body).toMatchObject({ total: 119, offset: 117, limit: 500 });
    expect(idsOf(body)).toEqual(["list-2", "list-1"]);
  });

  test("has a total of zero on an empty page", async () => {
    expect((await list("?offset=119")).body).toEqual({ users: [], total: 0, offset: 119, limit: 100 });
    expect((await list("?limit=0")).body).toEqual({ users: [], total: 0, offset: 0, limit: 0 });
  });

  test.each(["?limit=501", "?limit=-1", "?offset=-1"])(
    "fails on %s as the live service does",
    async (query) => {
      const { status, text, headers } = await list(query);
      expect([status, text]).toEqual([500, "Internal Server Error"]);
      expect(headers.get("content-type")).toMatch(/^text\/plain/);
    },
  );

  test("rejects a limit that is not a number", async () => {
    const { status, detail } = await list("?limit=many");
    expect([status, detail]).toMatchObject([422, [{ type: "int_parsing", loc: ["query", "limit"] }]]);
  });
});

test("a path that Vital does not have returns 404, with or without a key", async () => {
  for (const [method, path] of [
    ["GET", "/"],
    ["GET", "/v2/nothing"],
    ["POST", "/v2/sign_in_token"],
    ["PUT", "/v2/user"],
    ["GET", "/v2/user/resolve/"],
    ["GET", "/%zz"],
  ] as const) {
    const { status, body } = await vital.call(method, path);
    expect([path, status, body]).toEqual([path, 404, { detail: "Not Found" }]);
  }
  expect((await vital.call("GET", "/v3/x", { key: null })).status).toBe(404);
});

test("the metrics of a team count its users and connections", async () => {
  const key = "sk_us_team-metrics_1";
  const { vitalUserId, call } = await signInSdk(vital, "counted", key);
  await call("POST", "/v2/link/provider/manual/manual", { body: { user_id: vitalUserId } });
  const { body: user } = await vital.create("counted too", key);
  await vital.create("of another team");
  const read = async () => (await vital.call("GET", "/v2/user/metrics", { key })).body;
  const counts = { number_of_users: 2, number_of_connected_sources: 1 };
  expect(await read()).toMatchObject({ team_id: user.team_id, ...counts });
  await vital.call("DELETE", `/v2/user/${vitalUserId}`, { key });
  expect(await read()).toMatchObject({ number_of_users: 1, number_of_connected_sources: 0 });
  expect((await call("GET", "/v2/user/metrics")).status).toBe(401);
});
