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

  test.each(hostile)("%j arrives unchanged to the byte", async (appUserId) => {
    const body = JSON.stringify(ownEvent(appUserId));
    expect((await ingress.post(body, sign(body))).status).toBe(202);
    expect(ingress.recorded.map((event) => Buffer.from(event.appUserId))).toEqual([Buffer.from(appUserId)]);
  });

  test.each([
    ["a number", 42, "must be a string"],
    ["a boolean", true, "must be a string"],
    ["an object", { $ne: null }, "must be a string"],
    ["an array", ["u1"], "must be a string"],
    ["empty", "", "must not be empty"],
    ["257 characters", "x".repeat(257), "at most 256"],
    ["a control character", "a\u0000b", "control characters"],
    ["a dot", ".", 'must not be "."'],
    ["two dots", "..", 'must not be "."'],
    ["a lone surrogate", "a\ud800", "well-formed"],
  ])("%s is refused with the reason", async (_title, appUserId, reason) => {
    const answer = await post(ownEvent(appUserId));
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_USER_ID" } });
    expect(answer.body.detail).toContain(reason);
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
  ])("data %j names no user", async (data) => {
    const answer = await post({ type: "user.created", data });
    expect(answer).toMatchObject({ status: 400, body: { code: "MISSING_USER_ID" } });
  });
});

describe("batches", () => {
  test("all members are taken, whatever their forms", async () => {
    const answer = await post([
      ownEvent("u1"),
      { type: "user.updated", data: { id: "u2" } },
      { event: "user.deleted", data: { id: "u3" } },
    ]);
    expect(answer).toMatchObject({ status: 202, body: { accepted: 2, ignored: 1 } });
    expect(ingress.counted).toEqual(["own accepted", "workos accepted", "own ignored"]);
  });

  test("an empty one is accepted and stores nothing", async () => {
    let isStored = false;
    const empty = await startIngressForTest(undefined, {
      record: () => Promise.resolve(void (isStored = true)),
    });
    const answer = await empty.postAsBearer([]);
    expect(answer).toMatchObject({ status: 202, body: { accepted: 0, ignored: 0 } });
    expect(isStored).toBe(false);
  });

  test.each([
    ["an impossible id", ownEvent(""), "INVALID_USER_ID"],
    ["no id", { type: "user.created", data: {} }, "MISSING_USER_ID"],
    ["no form", { hello: "world" }, "UNKNOWN_EVENT_FORM"],
    ["no object", 7, "UNKNOWN_EVENT_FORM"],
    ["a batch of its own", [ownEvent("u9")], "UNKNOWN_EVENT_FORM"],
    ["an impossible time", ownEvent("u9", "user.created", "then"), "INVALID_EVENT_TIME"],
  ])("one member with %s refuses the whole, by its index", async (_title, member, code) => {
    const answer = await post([ownEvent("u0"), ownEvent("u1"), member, ownEvent("u3")]);
    expect(answer).toMatchObject({ status: 400, body: { code, index: 2 } });
    expect(answer.body.detail).toMatch(/^Event at index 2: /);
    expect(ingress.recorded).toEqual([]);
  });

  test("a thousand users in one batch are recorded in order, in one call", async () => {
    const ids = Array.from({ length: 1000 }, (_, index) => `user-${index}`);
    expect((await post(ids.map((id) => ownEvent(id)))).body.accepted).toBe(1000);
    expect(ingress.recorded.map(({ appUserId }) => appUserId)).toEqual(ids);
  });
});

describe("refusals", () => {
  test("they are problem details with the id of the request", async () => {
    const answer = await ingress.post("{", bearer);
    expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(answer.body).toEqual({
      title: "Invalid JSON",
      status: 400,
      detail: "The request body is not valid JSON.",
      code: "INVALID_JSON",
      requestId: expect.stringMatching(/^req-/) as string,
    });
  });

  test.each([
    ["nothing", ""],
    ["a cut object", '{"type":"user.created"'],
    ["a byte order mark", "\ufeff{}"],
    ["malformed UTF-8", Buffer.from('{"type":"user.created","data":{"id":"\xff"}}', "latin1")],
    ["half a million brackets", "[".repeat(500_000)],
  ])("%s is not JSON", async (_title, body) => {
    expect(await ingress.post(body, bearer)).toMatchObject({ status: 400, body: { code: "INVALID_JSON" } });
  });

  test.each([["null"], ["1"], ['"text"'], ["{}"], ['{"type":7}'], ['{"data":{"id":"u1"}}'], ["[[]]"]])(
    "%s is not an event",
    async (body) => {
      const answer = await ingress.post(body, bearer);
      expect(answer).toMatchObject({ status: 400, body: { code: "UNKNOWN_EVENT_FORM" } });
    },
  );

  test.each([
    "text/plain",
    "application/jwt",
    "application/x-www-form-urlencoded",
    "application/jsonx",
    "nonsense",
    "",
  ])("the media type %j is refused before anything is proven", async (contentType) => {
    const answer = await ingress.post("{}", { "content-type": contentType });
    expect(answer).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } });
  });

  test("a compressed body is refused", async () => {
    const answer = await ingress.post("{}", { ...bearer, "content-encoding": "gzip" });
    expect(answer.status).toBe(415);
  });

  test.each([
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "application/cloudevents+json;charset=UTF-8",
  ])("the media type %j is read", async (contentType) => {
    const answer = await ingress.post(JSON.stringify(ownEvent("u1")), {
      ...bearer,
      "content-type": contentType,
    });
    expect(answer.status).toBe(202);
  });

  test("a body of one byte more than 1 MiB is refused before its media type and its proof", async () => {
    const padded = (bytes: number) => {
      const text = JSON.stringify(ownEvent("u1"));
      return text + " ".repeat(bytes - text.length);
    };
    expect((await ingress.post(padded(1024 * 1024), bearer)).status).toBe(202);
    for (const contentType of ["application/json", "text/plain", "nonsense"]) {
      const answer = await ingress.post(padded(1024 * 1024 + 1), { "content-type": contentType });
      expect(answer).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
    }
  });

  test("a chunked body that grows too large is refused", async () => {
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(256 * 1024));
      },
    });
    // `duplex` is required for a stream, and unknown to the types.
    const init = { method: "POST", headers: { "content-type": "text/plain" }, body: stream, duplex: "half" };
    expect((await ingress.request(init as RequestInit)).status).toBe(413);
  });

  test("a request without body and media type is refused", async () => {
    expect((await ingress.request({ method: "POST", headers: bearer })).status).toBe(415);
  });

  test("with no source configured everything is 404", async () => {
    const closed = await startIngressForTest({ EVENTS_USER_ID_POINTER: "/id" });
    const answers = [
      await closed.post(" ".repeat(1024 * 1024 + 1), { "content-type": "text/plain" }),
      await closed.postAsBearer(ownEvent("u1")),
      await closed.request({ method: "GET", headers: { "x-okta-verification-challenge": "c" } }),
      await closed.request({ method: "OPTIONS", headers: { "webhook-request-origin": "example.com" } }),
    ];
    expect(answers.map(({ status, body: { code } }) => `${status} ${code}`)).toEqual(
      Array(4).fill("404 EVENTS_NOT_CONFIGURED"),
    );
    expect(closed.recorded).toEqual([]);
  });
});

describe("storing", () => {
  const startFailing = (error: Error) =>
    startIngressForTest(undefined, { record: () => Promise.reject(error) });

  test("the answer waits for it", async () => {
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
  ])("when it cannot be done now, the sender shall come again (%s ms)", async (retryAfterMs, seconds) => {
    const details = retryAfterMs === undefined ? {} : { retryAfterMs };
    const failing = await startFailing(
      new ServiceError("SERVICE_UNAVAILABLE", { ...details, reason: "no primary" }),
    );
    const answer = await failing.postAsBearer([ownEvent("u1"), { type: "user.updated", data: { id: "u2" } }]);
    expect(answer).toMatchObject({ status: 503, body: { code: "SERVICE_UNAVAILABLE" } });
    expect(answer.headers.get("retry-after")).toBe(seconds);
    expect(JSON.stringify(answer.body)).not.toContain("primary");
    expect(failing.counted).toEqual(["own unavailable"]);
    expect(JSON.stringify(failing.lines)).toContain("no primary");
  });

  test("a store that never answers is left at the deadline, and the sender shall come again", async () => {
    const stuck = await startIngressForTest(allSecrets, {
      record: () => new Promise(() => undefined),
      deadlineMs: 100,
    });
    const answer = await stuck.postAsBearer(ownEvent("u1"));
    expect(answer).toMatchObject({ status: 503, body: { code: "SERVICE_UNAVAILABLE" } });
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(stuck.counted).toEqual(["own unavailable"]);
  });

  test("a bug is logged whole and shown opaque", async () => {
    const bug = new Error("mongodb://internal.example refused");
    const failing = await startFailing(bug);
    const answer = await failing.postAsBearer(ownEvent("u1"));
    expect(answer).toMatchObject({ status: 500, body: { code: "INTERNAL_SERVER_ERROR" } });
    expect(JSON.stringify(answer.body)).not.toContain("mongodb");
    expect(failing.lines).toMatchObject([
      { level: "error", phrase: "unexpected error", fields: { err: bug, errorId: answer.body.errorId } },
    ]);
    expect(answer.body.errorId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("questions before the first event", () => {
  test("Okta's challenge is given back as JSON", async () => {
    const answer = await ingress.request({
      method: "GET",
      headers: { "x-okta-verification-challenge": "<script>1</script>" },
    });
    expect(answer).toMatchObject({ status: 200, body: { verification: "<script>1</script>" } });
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("a CloudEvents sender that asks may send", async () => {
    const answer = await ingress.request({
      method: "OPTIONS",
      headers: { "webhook-request-origin": "events.example.com", "webhook-request-rate": "120" },
    });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      allow: "POST",
      "webhook-allowed-origin": "events.example.com",
      "webhook-allowed-rate": "*",
    });
  });

  test.each([
    ["GET", {}],
    ["OPTIONS", {}],
    ["OPTIONS", { "webhook-request-origin": "a b" }],
  ])("%s with %j is not allowed", async (method, headers: Record<string, string>) => {
    const answer = await ingress.request({ method, headers });
    expect(answer).toMatchObject({ status: 405, body: { code: "METHOD_NOT_ALLOWED" } });
    expect(answer.headers.get("allow")).toBe("POST");
  });
});

test("the scope leaves the bodies of other routes alone", async () => {
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

describe("whatever is sent", () => {
  const isAnswered = ({ status }: { status: number }) => {
    expect([202, 400, 401, 413, 415]).toContain(status);
  };

  const lookedAt = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "svix-id",
    "workos-signature",
    "ce-specversion",
  ];

  test("random bytes and headers never give 5xx", async () => {
    const character = fc.constantFrom(...Array.from('abct=v1,. %"\\/0169-T:Z+;'));
    const header = fc.constantFrom(
      ...lookedAt,
      "content-type",
      "authorization",
      "ce-type",
      "ce-subject",
      "ce-time",
    );
    const headers = fc.dictionary(header, fc.string({ unit: character, maxLength: 60 }));
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), headers, async (bytes, extra) => {
      isAnswered(await ingress.post(Buffer.from(bytes), { ...extra }));
      isAnswered(
        await ingress.post(Buffer.from(bytes), { ...extra, ...bearer, "content-type": "application/json" }),
      );
    });
    await fc.assert(property, { numRuns: 150 });
  });

  test("random JSON in the members that are looked at never gives 5xx, and only strings become ids", async () => {
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
      isAnswered(await post(value));
      for (const { appUserId } of ingress.recorded) expect(typeof appUserId).toBe("string");
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test("a request that breaks off leaves the server well", async () => {
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
