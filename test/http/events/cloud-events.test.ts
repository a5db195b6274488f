import { describe, expect, test } from "vitest";
import {
  allSecrets,
  arrivedAt,
  bearer,
  ownEvent,
  sign,
  startIngressForFile,
} from "../../support/http/test-ingress.js";

const ingress = await startIngressForFile({
  ...allSecrets,
  EVENTS_USER_ID_POINTER: "/data/account/id",
  EVENTS_CREATED_TYPES: "com.example.account.opened",
  EVENTS_DELETED_TYPES: "com.example.account.closed",
});

const event = (members: object) => ({
  specversion: "1.0",
  type: "com.example.account.opened",
  source: "/accounts",
  id: "e1",
  time: "2026-11-22T09:00:00Z",
  ...members,
});
const occurredAt = new Date("2026-11-22T09:00:00Z");
const expected = { id: "e1", type: "user.created", occurredAt };

describe("structured", () => {
  test.each([
    ["data.object.user_id", { subject: "s", data: { object: { user_id: "o" }, account: { id: "p" } } }, "o"],
    ["otherwise the value at the pointer", { subject: "s", data: { account: { id: "p" } } }, "p"],
    ["otherwise the subject", { subject: "s", data: {} }, "s"],
  ])("the user id is %s", async (_title, members, appUserId) => {
    const headers = { "content-type": "application/cloudevents+json; charset=utf-8" };
    const response = await ingress.postAsBearer(event(members), headers);
    expect(response.body).toEqual({ accepted: 1, ignored: 0 });
    expect(ingress.recorded).toMatchObject([{ ...expected, appUserId }]);
  });

  test("the settings define the names of the types", async () => {
    await ingress.postAsBearer(event({ type: "com.example.account.closed", subject: "u1" }));
    const other = await ingress.postAsBearer(event({ type: "user.created", subject: "u1" }));
    expect(ingress.recorded).toMatchObject([{ type: "user.deleted", appUserId: "u1" }]);
    expect(other.body).toEqual({ accepted: 0, ignored: 1 });
  });

  test("an event without a user id is rejected, even with an id that another format would use", async () => {
    const response = await ingress.postAsBearer(event({ data: { id: "u1" } }));
    expect(response).toMatchObject({ status: 400, body: { code: "MISSING_USER_ID" } });
  });

  test("a signed event is accepted", async () => {
    const body = JSON.stringify(event({ subject: "u1" }));
    const headers = { ...sign(body), "content-type": "application/cloudevents+json" };
    expect((await ingress.post(body, headers)).status).toBe(202);
  });
});

const toBase64 = (text: string | Buffer) => Buffer.from(text).toString("base64");
const account = JSON.stringify({ account: { id: "p" } });

describe("data in base64", () => {
  test.each([
    ["application/json", account, "p"],
    ["application/vnd.example.account+json; charset=utf-8", `\ufeff${account}`, "p"],
    [undefined, account, "p"],
    [undefined, Buffer.from([0xff, 0x00, 0xfe]), "s"],
    ["application/octet-stream", account, "s"],
    ["text/xml", "<account/>", "s"],
    ["application/json", "", "s"],
  ])("of the type %s is read if it is JSON: %j identifies %s", async (datacontenttype, data, appUserId) => {
    const members = { subject: "s", datacontenttype, data_base64: toBase64(data) };
    expect((await ingress.postAsBearer(event(members))).body).toEqual({ accepted: 1, ignored: 0 });
    expect(ingress.recorded).toEqual([{ ...expected, appUserId }]);
  });

  test("is read in every member of a batch", async () => {
    const members = [
      event({ data_base64: toBase64(account) }),
      event({ id: "e2", subject: "u2", data: null }),
    ];
    const headers = { "content-type": "application/cloudevents-batch+json" };
    await ingress.postAsBearer(members, headers);
    expect(ingress.recorded.map(({ appUserId }) => appUserId)).toEqual(["p", "u2"]);
  });

  test.each([
    [{ data: {}, data_base64: toBase64("{}") }, "both data and data_base64"],
    [{ data_base64: "not base64!" }, "must be a string in base64"],
    [{ data_base64: "e30" }, "must be a string in base64"],
    [{ data_base64: 7 }, "must be a string in base64"],
    [{ data_base64: toBase64("{"), datacontenttype: "application/json" }, "is not JSON"],
  ])("is rejected in %j, with the index in a batch", async (members, detail) => {
    const response = await ingress.postAsBearer([
      event({ subject: "u1" }),
      event({ subject: "s", ...members }),
    ]);
    expect(response).toMatchObject({ status: 400, body: { code: "BAD_REQUEST", index: 1 } });
    expect(response.body.detail).toContain(detail);
    expect(ingress.recorded).toEqual([]);
  });

  test("is a member like any other in a message that is no CloudEvent", async () => {
    const response = await ingress.postAsBearer({ ...ownEvent("u1"), data_base64: "?" });
    expect(response.status).toBe(202);
  });
});

describe("batch", () => {
  const headers = { "content-type": "application/cloudevents-batch+json" };

  test("each member is accepted", async () => {
    const members = [
      event({ subject: "u1" }),
      event({ id: "e2", type: "x" }),
      event({ id: "e3", subject: "u3" }),
    ];
    expect((await ingress.postAsBearer(members, headers)).body).toEqual({ accepted: 2, ignored: 1 });
    expect(ingress.recorded.map(({ id, appUserId }) => [id, appUserId])).toEqual([
      ["e1", "u1"],
      ["e3", "u3"],
    ]);
  });

  test("an empty batch is accepted", async () => {
    expect(await ingress.postAsBearer([], headers)).toMatchObject({ status: 202, body: { accepted: 0 } });
  });

  test("one invalid member rejects the whole batch and is named by its index", async () => {
    const response = await ingress.postAsBearer(
      [event({ subject: "u1" }), event({ subject: ".." })],
      headers,
    );
    expect(response).toMatchObject({ status: 400, body: { code: "INVALID_USER_ID", index: 1 } });
    expect(ingress.recorded).toEqual([]);
  });
});

describe("binary", () => {
  const attributes = {
    "ce-specversion": "1.0",
    "ce-type": "com.example.account.opened",
    "ce-source": "/accounts",
    "ce-id": "e1",
    "ce-time": "2026-11-22T09:00:00Z",
  };

  test("the attributes are read from the headers, the data from the body", async () => {
    await ingress.postAsBearer({ account: { id: "p" } }, attributes);
    expect(ingress.recorded).toMatchObject([{ ...expected, appUserId: "p" }]);
  });

  test("without a body the subject is sufficient", async () => {
    const headers = { ...bearer, ...attributes, "ce-subject": "s" };
    expect((await ingress.request({ method: "POST", headers })).status).toBe(202);
    expect(ingress.recorded).toMatchObject([{ ...expected, appUserId: "s" }]);
  });

  test.each([
    ["text/plain", "hello"],
    ["text/plain; charset=iso-8859-1", "caf\u00e9"],
    ["application/xml", "<account/>"],
    ["application/octet-stream", Buffer.from([0xff, 0x00, 0xfe])],
    ["application/octet-stream", account],
    ["application/protobuf", ""],
    ["application/json", ""],
  ])("with data of the type %s, the subject is sufficient", async (contentType, body) => {
    const headers = { ...bearer, ...attributes, "ce-subject": "s", "content-type": contentType };
    expect((await ingress.post(body, headers)).body).toEqual({ accepted: 1, ignored: 0 });
    expect(ingress.recorded).toEqual([{ ...expected, appUserId: "s" }]);
  });

  test.each([
    [account, "p"],
    ["hello", "s"],
  ])("data without a Content-Type is read if it is JSON: %s identifies %s", async (text, appUserId) => {
    const headers = { ...bearer, ...attributes, "ce-subject": "s" };
    // A body of bytes gets no Content-Type from `fetch`.
    await ingress.request({ method: "POST", headers, body: Buffer.from(text) });
    expect(ingress.recorded).toEqual([{ ...expected, appUserId }]);
  });

  test.each(["application/vnd.example.account+json", "text/json; charset=utf-8"])(
    "data of the type %s is JSON",
    async (contentType) => {
      const headers = { ...bearer, ...attributes, "content-type": contentType };
      await ingress.post(`\ufeff${account}`, headers);
      expect(ingress.recorded).toEqual([{ ...expected, appUserId: "p" }]);
      expect(await ingress.post("{", headers)).toMatchObject({ status: 400, body: { code: "INVALID_JSON" } });
    },
  );

  test("compressed data is rejected only if it is JSON", async () => {
    const headers = { ...bearer, ...attributes, "ce-subject": "s", "content-encoding": "gzip" };
    const asJson = await ingress.post("{}", headers);
    const asBytes = await ingress.post("{}", { ...headers, "content-type": "application/octet-stream" });
    expect([asJson.status, asBytes.status]).toEqual([415, 202]);
  });

  test("data other than JSON does not replace a missing subject", async () => {
    const headers = { ...bearer, ...attributes, "content-type": "text/plain" };
    const response = await ingress.post(account, headers);
    expect(response).toMatchObject({ status: 400, body: { code: "MISSING_USER_ID" } });
  });

  test.each([
    ["a%20b", "a b"],
    ["%F0%9F%98%80", "\u{1f600}"],
    ["%252e%252e", "%2e%2e"],
    ["auth0|1", "auth0|1"],
    ['"a \\"b\\""', 'a "b"'],
  ])("the subject %s is decoded once", async (subject, appUserId) => {
    await ingress.postAsBearer({}, { ...attributes, "ce-subject": subject });
    expect(ingress.recorded.map((recorded) => recorded.appUserId)).toEqual([appUserId]);
  });

  test.each(["100%", "%ff", "caf\u00e9"])("the subject %s is rejected", async (subject) => {
    const response = await ingress.postAsBearer({}, { ...attributes, "ce-subject": subject });
    expect(response).toMatchObject({ status: 400, body: { code: "BAD_REQUEST" } });
  });

  test("an event without a time gets the time of its arrival", async () => {
    const { "ce-time": _time, ...timeless } = attributes;
    await ingress.postAsBearer({}, { ...timeless, "ce-subject": "s" });
    expect(ingress.recorded).toMatchObject([{ occurredAt: arrivedAt }]);
  });

  test("headers cannot change what a signed body says", async () => {
    const body = JSON.stringify(ownEvent("u1"));
    const added = { ...attributes, "ce-type": "com.example.account.closed", "ce-subject": "victim" };
    const response = await ingress.post(body, { ...sign(body), ...added });
    expect(response).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
    expect(ingress.recorded).toEqual([]);
  });
});
