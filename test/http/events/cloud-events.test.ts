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
    ["else the pointer", { subject: "s", data: { account: { id: "p" } } }, "p"],
    ["else the subject", { subject: "s", data: {} }, "s"],
  ])("the user id is %s", async (_title, members, appUserId) => {
    const headers = { "content-type": "application/cloudevents+json; charset=utf-8" };
    const answer = await ingress.postAsBearer(event(members), headers);
    expect(answer.body).toEqual({ accepted: 1, ignored: 0 });
    expect(ingress.recorded).toEqual([{ ...expected, appUserId }]);
  });

  test("types are called as the settings say", async () => {
    await ingress.postAsBearer(event({ type: "com.example.account.closed", subject: "u1" }));
    const other = await ingress.postAsBearer(event({ type: "user.created", subject: "u1" }));
    expect(ingress.recorded).toMatchObject([{ type: "user.deleted", appUserId: "u1" }]);
    expect(other.body).toEqual({ accepted: 0, ignored: 1 });
  });

  test("one that names no user is refused, even with an id that another form would take", async () => {
    const answer = await ingress.postAsBearer(event({ data: { id: "u1" } }));
    expect(answer).toMatchObject({ status: 400, body: { code: "MISSING_USER_ID" } });
  });

  test("a signed one is taken", async () => {
    const body = JSON.stringify(event({ subject: "u1" }));
    const headers = { ...sign(body), "content-type": "application/cloudevents+json" };
    expect((await ingress.post(body, headers)).status).toBe(202);
  });
});

describe("batch", () => {
  const headers = { "content-type": "application/cloudevents-batch+json" };

  test("each member is taken", async () => {
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

  test("an empty one is accepted", async () => {
    expect(await ingress.postAsBearer([], headers)).toMatchObject({ status: 202, body: { accepted: 0 } });
  });

  test("one impossible member refuses all, by its index", async () => {
    const answer = await ingress.postAsBearer([event({ subject: "u1" }), event({ subject: ".." })], headers);
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_USER_ID", index: 1 } });
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

  test("the attributes come from the headers, the data is the body", async () => {
    await ingress.postAsBearer({ account: { id: "p" } }, attributes);
    expect(ingress.recorded).toEqual([{ ...expected, appUserId: "p" }]);
  });

  test("without a body the subject is enough", async () => {
    const headers = { ...bearer, ...attributes, "ce-subject": "s" };
    expect((await ingress.request({ method: "POST", headers })).status).toBe(202);
    expect(ingress.recorded).toEqual([{ ...expected, appUserId: "s" }]);
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

  test.each(["100%", "%ff", "caf\u00e9"])("the subject %s is refused", async (subject) => {
    const answer = await ingress.postAsBearer({}, { ...attributes, "ce-subject": subject });
    expect(answer).toMatchObject({ status: 400, body: { code: "BAD_REQUEST" } });
  });

  test("an event without time has that of its arrival", async () => {
    const { "ce-time": _time, ...timeless } = attributes;
    await ingress.postAsBearer({}, { ...timeless, "ce-subject": "s" });
    expect(ingress.recorded).toMatchObject([{ occurredAt: arrivedAt }]);
  });

  test("headers cannot change what a signed body says", async () => {
    const body = JSON.stringify(ownEvent("u1"));
    const added = { ...attributes, "ce-type": "com.example.account.closed", "ce-subject": "victim" };
    const answer = await ingress.post(body, { ...sign(body), ...added });
    expect(answer).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
    expect(ingress.recorded).toEqual([]);
  });
});
