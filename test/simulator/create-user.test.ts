import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { apiKey, startTestSimulator, uuidPattern, type TestSimulator } from "../support/simulator.js";

let vital: TestSimulator;
beforeAll(async () => {
  vital = await startTestSimulator();
});
afterAll(() => vital.close());

const vitalTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00$/;

test("creating a user returns the whole user with 200", async () => {
  const { status, body, headers } = await vital.create("u1");
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("application/json");
  expect(body).toEqual({
    user_id: expect.stringMatching(uuidPattern) as string,
    team_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    client_user_id: "u1",
    created_on: expect.stringMatching(vitalTime) as string,
    connected_sources: [],
    fallback_time_zone: null,
    fallback_birth_date: null,
    ingestion_start: null,
    ingestion_end: null,
  });
});

test("a path with a trailing slash also creates a user", async () => {
  const { status, body } = await vital.call("POST", "/v2/user/", { body: { client_user_id: "slash" } });
  expect([status, body.client_user_id]).toEqual([200, "slash"]);
});

test("optional attributes are stored and returned with their source", async () => {
  const { body } = await vital.call("POST", "/v2/user", {
    body: {
      client_user_id: "attributes",
      fallback_time_zone: "Europe/London",
      fallback_birth_date: "1989-09-12",
      ingestion_start: "2026-01-01",
      ingestion_end: null,
    },
  });
  expect(body).toMatchObject({
    fallback_time_zone: { id: "Europe/London", source_slug: "manual" },
    fallback_birth_date: { value: "1989-09-12", source_slug: "manual" },
    ingestion_start: "2026-01-01",
    ingestion_end: null,
  });
});

test("a client user id in use is rejected with a 400 that contains the Vital user id of its user", async () => {
  const first = await vital.create("in use");
  const second = await vital.create("in use");
  expect(second.status).toBe(400);
  expect(second.body).toEqual({
    detail: {
      error_type: "INVALID_REQUEST",
      error_message: "Client user id already exists.",
      user_id: first.body.user_id,
      created_on: first.body.created_on,
    },
  });
});

test("exactly one of several concurrent creations with the same id succeeds, and the others receive its user id", async () => {
  const replies = await Promise.all(Array.from({ length: 60 }, () => vital.create("race")));
  const created = replies.filter(({ status }) => status === 200);
  const rejected = replies.filter(({ status }) => status === 400);
  expect([created.length, rejected.length]).toEqual([1, 59]);
  for (const { detail } of rejected) {
    expect(detail).toMatchObject({ user_id: created[0]?.body.user_id });
  }
});

describe("an invalid body is rejected with a 422 and Pydantic's error list", () => {
  const post = (body: unknown) => vital.call("POST", "/v2/user", { body });

  test("a missing client user id", async () => {
    const { status, detail } = await post({ other: 1 });
    expect(status).toBe(422);
    const loc = ["body", "client_user_id"];
    expect(detail).toEqual([{ type: "missing", loc, msg: "Field required", input: { other: 1 } }]);
  });

  test.each([[7], [null], [["a"]], [{ $ne: 1 }], [true]])("a client user id of %j", async (input) => {
    const { status, detail } = await post({ client_user_id: input });
    expect(status).toBe(422);
    const loc = ["body", "client_user_id"];
    expect(detail).toEqual([{ type: "string_type", loc, msg: "Input should be a valid string", input }]);
  });

  test.each([["text"], [[]], [null], [3]])("a body of %j", async (input) => {
    const { status, detail } = await post(input);
    expect(status).toBe(422);
    const msg = "Input should be a valid dictionary or object to extract fields from";
    expect(detail).toEqual([{ type: "model_attributes_type", loc: ["body"], msg, input }]);
  });

  test("all invalid attributes are reported together", async () => {
    const { status, detail } = await post({
      fallback_time_zone: "Mars/Base",
      fallback_birth_date: "yesterday",
      ingestion_start: 5,
    });
    expect(status).toBe(422);
    expect(detail).toMatchObject([
      { type: "missing" },
      {
        type: "value_error",
        loc: ["body", "fallback_time_zone"],
        msg: "Value error, Invalid IANA time zone: Mars/Base",
        input: "Mars/Base",
        ctx: { error: {} },
      },
      {
        type: "date_from_datetime_parsing",
        loc: ["body", "fallback_birth_date"],
        msg: "Input should be a valid date or datetime, input is too short",
        ctx: { error: "input is too short" },
      },
      { type: "string_type", loc: ["body", "ingestion_start"] },
    ]);
  });

  test("text that is not JSON", async () => {
    const { status, detail } = await vital.call("POST", "/v2/user", {
      raw: '{"client_user_id": ',
      contentType: "application/json",
    });
    expect(status).toBe(422);
    expect(detail).toMatchObject([{ type: "json_invalid", msg: "JSON decode error" }]);
  });

  test("no body at all", async () => {
    const { status, detail } = await vital.call("POST", "/v2/user");
    expect(status).toBe(422);
    expect(detail).toEqual([{ type: "missing", loc: ["body"], msg: "Field required", input: null }]);
  });

  test.each(["text/plain", "application/x-www-form-urlencoded"])(
    "JSON under the content type %s",
    async (contentType) => {
      const raw = '{"client_user_id":"typed"}';
      const { status, detail } = await vital.call("POST", "/v2/user", { raw, contentType });
      expect(status).toBe(422);
      expect(detail).toMatchObject([{ type: "model_attributes_type", input: raw }]);
    },
  );

  test("a lone surrogate in the id", async () => {
    const { status, detail } = await vital.call("POST", "/v2/user", {
      raw: String.raw`{"client_user_id":"\ud800"}`,
      contentType: "application/json",
    });
    expect([status, detail]).toMatchObject([422, [{ type: "string_unicode" }]]);
  });
});

test.each(["Mars/Base", "", "+01:00", "GMT+25"])("%j is not a time zone", async (zone) => {
  const body = { client_user_id: "zone", fallback_time_zone: zone };
  const { status, detail } = await vital.call("POST", "/v2/user", { body });
  expect([status, detail]).toMatchObject([422, [{ msg: `Value error, Invalid IANA time zone: ${zone}` }]]);
});

test.each(["/v2/user", "/v2/user/resolve/unknown", "/v2/nothing", "/v2/user/x"])(
  "the JSON response of %s has a content type without a charset",
  async (path) => {
    const { headers } = await vital.call("GET", path);
    expect(headers.get("content-type")).toBe("application/json");
  },
);

test("bytes that are not UTF-8, an invalid content type and a body that is too large are rejected", async () => {
  const contentType = "application/json";
  const garbage = await vital.call("POST", "/v2/user", { raw: Buffer.from([0xff, 0xfe, 0x00]), contentType });
  expect(garbage.status).toBe(400);
  const typed = await vital.call("POST", "/v2/user", { raw: "{}", contentType: "nonsense" });
  expect(typed.status).toBe(400);
  const huge = await vital.call("POST", "/v2/user", { raw: Buffer.alloc(2_000_000, "a"), contentType });
  expect(huge.status).toBe(413);
  expect((await vital.create("after garbage")).status).toBe(200);
});

describe("keys", () => {
  test("a missing key and a key in another format have different errors", async () => {
    const missing = await vital.create("keys", null);
    expect([missing.status, missing.body]).toEqual([401, { detail: "Missing x-vital-api-key" }]);
    for (const key of ["nonsense", "sk_us_", "sk_fr_x", "mg_us_x"]) {
      const { status, body } = await vital.create("keys", key);
      expect([status, body]).toEqual([401, { detail: "invalid token" }]);
    }
  });

  test("a simulator with a configured key accepts no other", async () => {
    const strict = await startTestSimulator({ apiKey: "pk_eu_only" });
    try {
      expect((await strict.create("u", "pk_eu_only")).status).toBe(200);
      const other = await strict.create("u", apiKey);
      expect([other.status, other.body]).toEqual([401, { detail: "invalid token" }]);
    } finally {
      await strict.close();
    }
  });

  test("a key in an unknown format is rejected at startup", async () => {
    await expect(startTestSimulator({ apiKey: "secret" })).rejects.toThrow("apiKey must begin with");
  });

  test("a rotated key sees the same users, and a key of another team sees that team's users", async () => {
    const mine = await vital.create("shared", "sk_us_old");
    const rotated = await vital.create("shared", "sk_us_new");
    expect(rotated.detail).toMatchObject({ user_id: mine.body.user_id });

    const theirKey = "sk_us_team-b_1";
    const theirs = await vital.create("shared", theirKey);
    expect(theirs.status).toBe(200);
    expect(theirs.body.user_id).not.toBe(mine.body.user_id);
    expect(theirs.body.team_id).not.toBe(mine.body.team_id);
    expect((await vital.resolve("shared", "sk_us_team-b_2")).body.user_id).toBe(theirs.body.user_id);

    const path = `/v2/user/${String(mine.body.user_id)}`;
    expect((await vital.call("GET", path, { key: theirKey })).body).toEqual({ detail: "Not found" });
    expect((await vital.call("DELETE", path, { key: theirKey })).status).toBe(404);
    expect((await vital.token(String(mine.body.user_id), theirKey)).status).toBe(404);
  });
});

test("a sandbox at its cap rejects new users until one is deleted, and production has no cap", async () => {
  const capped = await startTestSimulator({ sandboxUserCap: 2 });
  try {
    const firstId = await capped.createId("a");
    await capped.create("b");
    const rejected = await capped.create("c");
    expect([rejected.status, rejected.body]).toEqual([
      400,
      {
        detail: {
          error_type: "INVALID_REQUEST",
          error_message: "You have reached the maximum of 2 Sandbox users",
        },
      },
    ]);
    expect((await capped.create("a")).detail).toMatchObject({ user_id: firstId });
    expect((await capped.create("c", "pk_us_team-p_1")).status).toBe(200);
    await capped.call("DELETE", `/v2/user/${firstId}`);
    expect((await capped.create("c")).status).toBe(200);
  } finally {
    await capped.close();
  }
});
