import { connect } from "node:net";
import fc from "fast-check";
import Fastify from "fastify";
import { describe, expect, test } from "vitest";
import { ServiceError } from "../../../src/core/errors.js";
import { registerEventIngress } from "../../../src/http/events/event-ingress.js";
import {
  allSecrets,
  arrivedAt,
  bearer,
  ownEvent,
  readSettings,
  sign,
  startIngressForTest,
  startIngressForFile,
} from "../../support/http/test-ingress.js";
import { silentLog } from "../../support/recording-log.js";

const ingress = await startIngressForFile();

const utf16 = (text: string) => Buffer.from(text, "utf16le");

const post = (value: unknown) => ingress.postAsBearer(value);

describe("app user ids", () => {
  const hostile = [
    "a/b",
    "a b",
    " padded ",
    "__proto__",
    "constructor",
    "$where",
    "a.b",
    "..%2f",
    "%2e%2e",
    "auth0|x",
    "samlp|c|a b@x",
    "\u{1f469}\u200d\u{1f680}",
    "e\u0301",
    "\u00e9",
    "\ufffd",
    "123456789012345678901234567890",
    "x".repeat(256),
    "\u{1f600}".repeat(256),
    "{vital}:u1",
    '"quoted"',
  ];

  test.each(hostile)("%j is recorded byte for byte", async (appUserId) => {
    const body = JSON.stringify(ownEvent(appUserId));
    expect((await ingress.post(body, sign(body))).status).toBe(202);
    expect(ingress.recorded.map((event) => Buffer.from(event.appUserId))).toEqual([Buffer.from(appUserId)]);
  });

  test.each([
    ["a number", 42, "must be a string"],
    ["a boolean", true, "must be a string"],
    ["an object", { $ne: null }, "must be a string"],
    ["an array", ["u1"], "must be a string"],
    ["an empty string", "", "must not be empty"],
    ["257 characters", "x".repeat(257), "at most 256"],
    ["a control character", "a\u0000b", "control characters"],
    ["a dot", ".", 'must not be "."'],
    ["two dots", "..", 'must not be "."'],
    ["a lone surrogate", "a\ud800", "well-formed"],
    ["a missing value of JavaScript", "undefined", 'is "undefined", which is not the id of one user'],
    ["an object as text", "[object Object]", "which is not the id of one user"],
    ["a template", "{{user.id}}", 'is "{{user.id}}", which is not the id of one user'],
  ])("%s is rejected with the reason", async (_title, appUserId, reason) => {
    const response = await post(ownEvent(appUserId));
    expect(response).toMatchObject({ status: 400, body: { code: "INVALID_USER_ID" } });
    expect(response.body.detail).toContain(reason);
    expect(ingress.recorded).toEqual([]);
    expect(ingress.counted).toEqual(["own refused"]);
  });

  test.each([
    [{}],
    [null],
    [undefined],
    ["u1"],
    [{ id: null }],
    [JSON.parse('{"__proto__":{"id":"u1"}}') as unknown],
  ])("the data %j contains no user id", async (data) => {
    const response = await post({ type: "user.created", data });
    expect(response).toMatchObject({ status: 400, body: { code: "MISSING_USER_ID" } });
  });
});

describe("batches", () => {
  test("all members are accepted, whatever their formats", async () => {
    const response = await post([
      ownEvent("u1"),
      { type: "user.updated", data: { id: "u2" } },
      { event: "user.deleted", data: { id: "u3" } },
    ]);
    expect(response).toMatchObject({ status: 202, body: { accepted: 2, ignored: 1 } });
    expect(ingress.counted).toEqual(["own accepted", "workos accepted", "own ignored"]);
  });

  test("an empty batch is accepted and stores nothing", async () => {
    let isStored = false;
    const empty = await startIngressForTest(undefined, {
      record: () => Promise.resolve(void (isStored = true)),
    });
    const response = await empty.postAsBearer([]);
    expect(response).toMatchObject({ status: 202, body: { accepted: 0, ignored: 0 } });
    expect(isStored).toBe(false);
  });

  test.each([
    ["an invalid id", ownEvent(""), "INVALID_USER_ID"],
    ["no id", { type: "user.created", data: {} }, "MISSING_USER_ID"],
    ["no known format", { hello: "world" }, "UNKNOWN_EVENT_FORM"],
    ["no object", 7, "UNKNOWN_EVENT_FORM"],
    ["a nested batch", [ownEvent("u9")], "UNKNOWN_EVENT_FORM"],
    ["an invalid time", ownEvent("u9", "user.created", "then"), "INVALID_EVENT_TIME"],
  ])("one member with %s rejects the whole batch and is named by its index", async (_title, member, code) => {
    const response = await post([ownEvent("u0"), ownEvent("u1"), member, ownEvent("u3")]);
    expect(response).toMatchObject({ status: 400, body: { code, index: 2 } });
    expect(response.body.detail).toMatch(/^Event at index 2: /);
    expect(ingress.recorded).toEqual([]);
  });

  test("a thousand users in one batch are recorded in order, in one call", async () => {
    const ids = Array.from({ length: 1000 }, (_, index) => `user-${index}`);
    expect((await post(ids.map((id) => ownEvent(id)))).body.accepted).toBe(1000);
    expect(ingress.recorded.map(({ appUserId }) => appUserId)).toEqual(ids);
  });
});

describe("rejections", () => {
  test("errors are problem details with the request id", async () => {
    const response = await ingress.post("{", bearer);
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(response.body).toEqual({
      title: "Invalid JSON",
      status: 400,
      detail: "The request body is not valid JSON.",
      code: "INVALID_JSON",
      requestId: expect.stringMatching(/^req-/) as string,
    });
  });

  test.each([
    ["an empty body", "", "is empty"],
    ["a truncated object", '{"type":"user.created"', "not valid JSON"],
    ["a body of only a byte-order mark", "\ufeff", "not valid JSON"],
    ["two byte-order marks", "\ufeff\ufeff{}", "not valid JSON"],
    ["malformed UTF-8", Buffer.from('{"type":"user.created","data":{"id":"\xff"}}', "latin1"), "UTF-8"],
    ["UTF-16 with a byte-order mark", utf16("\ufeff{}"), "UTF-16 or UTF-32; send it as UTF-8"],
    ["UTF-16 without one", utf16("{}"), "UTF-16 or UTF-32; send it as UTF-8"],
    ["big-endian UTF-16", utf16("\ufeff{}").swap16(), "UTF-16 or UTF-32; send it as UTF-8"],
    ["big-endian UTF-16 without a mark", utf16("{}").swap16(), "UTF-16 or UTF-32; send it as UTF-8"],
    ["a final NUL byte", "{}\0", "ends with a NUL byte"],
    ["half a million brackets", "[".repeat(500_000), "not valid JSON"],
  ])("%s is rejected as invalid JSON, and the response says why", async (_title, body, detail) => {
    const response = await ingress.post(body, bearer);
    expect(response).toMatchObject({ status: 400, body: { code: "INVALID_JSON" } });
    expect(response.body.detail).toContain(detail);
  });

  test.each([
    ["a byte-order mark", (text: string) => `\ufeff${text}`],
    ["a byte-order mark and white space", (text: string) => `\ufeff\r\n ${text}`],
    ["line breaks at the end", (text: string) => `${text}\r\n\n`],
  ])("%s around the JSON is ignored, and the signature covers it", async (_title, toBody) => {
    const body = toBody(JSON.stringify(ownEvent("\ufeffu1")));
    expect((await ingress.post(body, sign(body))).status).toBe(202);
    // A byte-order mark inside a value is part of the value.
    expect(ingress.recorded).toMatchObject([{ appUserId: "\ufeffu1" }]);
    const unsigned = await ingress.post(body, sign(JSON.stringify(ownEvent("\ufeffu1"))));
    expect(unsigned.status).toBe(401);
  });

  test.each([["null"], ["1"], ['"text"'], ["{}"], ['{"type":7}'], ['{"data":{"id":"u1"}}'], ["[[]]"]])(
    "the body %s is not an event",
    async (body) => {
      const response = await ingress.post(body, bearer);
      expect(response).toMatchObject({ status: 400, body: { code: "UNKNOWN_EVENT_FORM" } });
    },
  );

  test.each([
    "text/plain",
    "application/jwt",
    "application/x-www-form-urlencoded",
    "application/jsonx",
    "nonsense",
    "",
    "application/json; charset=iso-8859-1",
    'application/json; version=1; charset="UTF-16"',
    "application/cloudevents+json;charset=windows-1252",
  ])("the media type %j is rejected before the sender is authenticated", async (contentType) => {
    const response = await ingress.post("{}", { "content-type": contentType });
    expect(response).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } });
  });

  test("a compressed body is rejected", async () => {
    const response = await ingress.post("{}", { ...bearer, "content-encoding": "gzip" });
    expect(response.status).toBe(415);
  });

  test.each([
    "application/json; charset=utf-8",
    'application/json; charset="UTF-8"',
    "application/json; Charset=utf8",
    "application/json; charset=us-ascii",
    "application/json; profile=events",
    "APPLICATION/JSON",
    "application/cloudevents+json;charset=UTF-8",
  ])("the media type %j is accepted", async (contentType) => {
    const response = await ingress.post(JSON.stringify(ownEvent("u1")), {
      ...bearer,
      "content-type": contentType,
    });
    expect(response.status).toBe(202);
  });

  test("a body of one byte more than 1 MiB is rejected before its media type and its sender are checked", async () => {
    const padded = (bytes: number) => {
      const text = JSON.stringify(ownEvent("u1"));
      return text + " ".repeat(bytes - text.length);
    };
    expect((await ingress.post(padded(1024 * 1024), bearer)).status).toBe(202);
    for (const contentType of ["application/json", "text/plain", "nonsense"]) {
      const response = await ingress.post(padded(1024 * 1024 + 1), { "content-type": contentType });
      expect(response).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
    }
  });

  test("a chunked body that becomes too large is rejected", async () => {
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(256 * 1024));
      },
    });
    // A stream requires `duplex`, which the type `RequestInit` lacks.
    const init = { method: "POST", headers: { "content-type": "text/plain" }, body: stream, duplex: "half" };
    expect((await ingress.request(init as RequestInit)).status).toBe(413);
  });

  test("a request without a body and media type is rejected", async () => {
    expect((await ingress.request({ method: "POST", headers: bearer })).status).toBe(415);
  });

  test("without a configured source every request gets 404", async () => {
    const closed = await startIngressForTest({ EVENTS_USER_ID_POINTER: "/id" });
    const responses = [
      await closed.post(" ".repeat(1024 * 1024 + 1), { "content-type": "text/plain" }),
      await closed.postAsBearer(ownEvent("u1")),
      await closed.request({ method: "GET", headers: { "x-okta-verification-challenge": "c" } }),
      await closed.request({ method: "OPTIONS", headers: { "webhook-request-origin": "example.com" } }),
    ];
    expect(responses.map(({ status, body: { code } }) => `${status} ${code}`)).toEqual(
      Array(4).fill("404 EVENTS_NOT_CONFIGURED"),
    );
    expect(closed.recorded).toEqual([]);
  });
});

describe("storing", () => {
  const startFailing = (error: Error) =>
    startIngressForTest(undefined, { record: () => Promise.reject(error) });

  test("the response waits until the events are stored", async () => {
    let isStored = false;
    const slow = await startIngressForTest(undefined, {
      record: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        isStored = true;
      },
    });
    await slow.postAsBearer(ownEvent("u1"));
    expect(isStored).toBe(true);
  });

  test.each([
    [undefined, "5"],
    [1500, "2"],
  ])(
    "a store that is unavailable makes the sender retry (retryAfterMs: %s)",
    async (retryAfterMs, seconds) => {
      const details = retryAfterMs === undefined ? {} : { retryAfterMs };
      const failing = await startFailing(
        new ServiceError("SERVICE_UNAVAILABLE", { ...details, reason: "no primary" }),
      );
      const response = await failing.postAsBearer([
        ownEvent("u1"),
        { type: "user.updated", data: { id: "u2" } },
      ]);
      expect(response).toMatchObject({ status: 503, body: { code: "SERVICE_UNAVAILABLE" } });
      expect(response.headers.get("retry-after")).toBe(seconds);
      expect(JSON.stringify(response.body)).not.toContain("primary");
      expect(failing.counted).toEqual(["own unavailable"]);
      expect(JSON.stringify(failing.lines)).toContain("no primary");
    },
  );

  test("a store that never responds is abandoned at the deadline, and the sender retries", async () => {
    const stuck = await startIngressForTest(allSecrets, {
      record: () => new Promise(() => undefined),
      deadlineMs: 100,
    });
    const response = await stuck.postAsBearer(ownEvent("u1"));
    expect(response).toMatchObject({ status: 503, body: { code: "SERVICE_UNAVAILABLE" } });
    expect(response.headers.get("retry-after")).toBe("5");
    expect(stuck.counted).toEqual(["own unavailable"]);
  });

  test("a bug is logged in full and shown without details", async () => {
    const bug = new Error("mongodb://internal.example refused");
    const failing = await startFailing(bug);
    const response = await failing.postAsBearer(ownEvent("u1"));
    expect(response).toMatchObject({ status: 500, body: { code: "INTERNAL_SERVER_ERROR" } });
    expect(JSON.stringify(response.body)).not.toContain("mongodb");
    expect(failing.lines).toMatchObject([
      { level: "error", phrase: "unexpected error", fields: { err: bug, errorId: response.body.errorId } },
    ]);
    expect(response.body.errorId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("requests before the first event", () => {
  test("Okta's challenge is returned as JSON", async () => {
    const response = await ingress.request({
      method: "GET",
      headers: { "x-okta-verification-challenge": "<script>1</script>" },
    });
    expect(response).toMatchObject({ status: 200, body: { verification: "<script>1</script>" } });
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("a CloudEvents sender gets permission to send", async () => {
    const response = await ingress.request({
      method: "OPTIONS",
      headers: { "webhook-request-origin": "events.example.com", "webhook-request-rate": "120" },
    });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      allow: "POST",
      "webhook-allowed-origin": "events.example.com",
      "webhook-allowed-rate": "*",
    });
  });

  test.each([
    ["GET", {}],
    ["OPTIONS", {}],
    ["OPTIONS", { "webhook-request-origin": "a b" }],
  ])("%s with the headers %j is not allowed", async (method, headers: Record<string, string>) => {
    const response = await ingress.request({ method, headers });
    expect(response).toMatchObject({ status: 405, body: { code: "METHOD_NOT_ALLOWED" } });
    expect(response.headers.get("allow")).toBe("POST");
  });
});

test("the ingress does not change how other routes parse bodies", async () => {
  const app = Fastify();
  app.post("/other", (request) => ({ got: request.body }));
  registerEventIngress(app, {
    settings: readSettings(allSecrets).settings,
    record: () => Promise.resolve(),
    now: () => arrivedAt,
    log: silentLog,
  });
  const other = await app.inject({ method: "POST", url: "/other", payload: { a: 1 } });
  const events = await app.inject({
    method: "POST",
    url: "/v1/events",
    headers: bearer,
    payload: ownEvent("u1"),
  });
  await app.close();
  expect(other.json()).toEqual({ got: { a: 1 } });
  expect(events.statusCode).toBe(202);
});

describe("arbitrary requests", () => {
  const expectNoServerError = ({ status }: { status: number }) => {
    expect([202, 204, 400, 401, 413, 415]).toContain(status);
  };

  const knownHeaders = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "svix-id",
    "workos-signature",
    "ce-specversion",
  ];

  test("random bytes and headers never cause a 5xx", async () => {
    const character = fc.constantFrom(...Array.from('abct=v1,. %"\\/0169-T:Z+;'));
    const header = fc.constantFrom(
      ...knownHeaders,
      "content-type",
      "authorization",
      "ce-type",
      "ce-subject",
      "ce-time",
    );
    const headers = fc.dictionary(header, fc.string({ unit: character, maxLength: 60 }));
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), headers, async (bytes, extra) => {
      expectNoServerError(await ingress.post(Buffer.from(bytes), { ...extra }));
      expectNoServerError(
        await ingress.post(Buffer.from(bytes), { ...extra, ...bearer, "content-type": "application/json" }),
      );
    });
    await fc.assert(property, { numRuns: 150 });
  });

  test("random JSON in the members that the formats read never causes a 5xx, and only strings become ids", async () => {
    const names = [
      "type",
      "data",
      "id",
      "object",
      "user_id",
      "event",
      "user",
      "events",
      "target",
      "specversion",
    ];
    const more = [
      "subject",
      "time",
      "timestamp",
      "record",
      "schema",
      "table",
      "metadata",
      "name",
      "__proto__",
    ];
    const leaf = fc.oneof(
      fc.constantFrom("user.created", "user.deleted", "INSERT", "auth", "users", "event", "1.0"),
      fc.jsonValue({ maxDepth: 1 }),
    );
    const { message } = fc.letrec<{ message: unknown }>((tie) => ({
      message: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        leaf,
        fc.array(tie("message"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names, ...more), tie("message"), { maxKeys: 6 }),
      ),
    }));
    const property = fc.asyncProperty(message, async (value) => {
      ingress.recorded.length = 0;
      expectNoServerError(await post(value));
      for (const { appUserId } of ingress.recorded) expect(typeof appUserId).toBe("string");
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test("a request that is cut off does not affect the server", async () => {
    const { port } = new URL(ingress.url);
    const socket = connect(Number(port), "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write(
      "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    );
    await new Promise<void>((resolve) => socket.end(resolve));
    socket.destroy();
    expect((await post(ownEvent("u1"))).status).toBe(202);
  });
});
