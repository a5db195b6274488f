import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  allSecrets,
  arrivedAt,
  basic,
  bearer,
  docsFolder,
  ownEvent,
  readExample,
  sign,
  signByKeycloak,
  signBySvix,
  signTimestamped,
  startIngressForTest,
  startIngressForFile,
  workosSigner,
  zitadelSigner,
} from "../../support/http/test-ingress.js";

const ingress = await startIngressForFile();

type Authenticate = (body: string) => Record<string, string>;

const withBearer: Authenticate = () => bearer;
const withStandardWebhooks: Authenticate = (body) => sign(body);
const withWorkos: Authenticate = (body) => signTimestamped(workosSigner, body);
const withZitadel: Authenticate = (body) => signTimestamped(zitadelSigner, body);

const signedUp = "2026-11-20T09:30:00.000Z";
const signedUpWithMs = "2026-11-20T09:30:00.123Z";
const deleted = "2026-11-21T18:05:12.500Z";
const arrival = arrivedAt.toISOString();

type Expected = {
  source: string;
  authenticate: Authenticate;
  appUserId: string;
  created: string;
  deleted?: string;
};
const own = (appUserId: string) => ({
  source: "own",
  authenticate: withStandardWebhooks,
  appUserId,
  created: signedUp,
  deleted,
});

const providers: Record<string, Expected> = {
  auth0: {
    source: "auth0",
    authenticate: withBearer,
    appUserId: "auth0|65f0c0ffee65f0c0ffee65f0",
    created: signedUp,
    deleted,
  },
  clerk: {
    source: "clerk",
    authenticate: signBySvix,
    appUserId: "user_2exampleExampleExample000001",
    created: signedUp,
    deleted,
  },
  supabase: {
    source: "supabase",
    authenticate: withBearer,
    appUserId: "5d0c3b1e-8a52-4c5b-9d0e-1f2a3b4c5d6e",
    created: signedUpWithMs,
    deleted: arrival,
  },
  "supabase-hook": {
    source: "supabase-hook",
    authenticate: withStandardWebhooks,
    appUserId: "5d0c3b1e-8a52-4c5b-9d0e-1f2a3b4c5d6e",
    created: signedUpWithMs,
  },
  okta: {
    source: "okta",
    authenticate: withBearer,
    appUserId: "00uexample0000000001",
    created: signedUp,
    deleted,
  },
  fusionauth: {
    source: "fusionauth",
    authenticate: withBearer,
    appUserId: "c0a8012e-7a51-4c1d-9d0f-0a1b2c3d4e5f",
    created: signedUp,
    deleted,
  },
  workos: {
    source: "workos",
    authenticate: withWorkos,
    appUserId: "user_01EXAMPLE000000000000000000",
    created: signedUp,
    deleted,
  },
  stytch: {
    source: "stytch",
    authenticate: signBySvix,
    appUserId: "user-live-3b5c9d1e-0000-4000-8000-00000000abcd",
    created: signedUpWithMs,
    deleted,
  },
  zitadel: {
    source: "zitadel",
    authenticate: withZitadel,
    appUserId: "336494809936035843",
    created: signedUpWithMs,
    deleted,
  },
  "own-service": own("user-4711"),
  firebase: own("k3NfExampleExample0000000001"),
  cognito: own("b1c2d3e4-0000-4000-8000-00000000c0de"),
  ory: { ...own("9f425a8d-7efc-4768-8f23-7647a74fdf13"), authenticate: withBearer },
  kinde: own("kp_00000000000000000000000000000001"),
  descope: { ...own("U2exampleExampleExample00001"), authenticate: withBearer },
  keycloak: {
    source: "keycloak",
    authenticate: (body) => signByKeycloak(body),
    appUserId: "4f6a7b8c-0000-4000-8000-0000000000ff",
    created: signedUp,
    deleted,
  },
  "keycloak-listener": {
    source: "keycloak",
    authenticate: () => basic(),
    appUserId: "4f6a7b8c-0000-4000-8000-0000000000ff",
    created: signedUp,
    deleted,
  },
  entra: own("87d349ed-0000-4000-8000-000000000001"),
  "better-auth": own("Zx0ExampleExampleExampleExample1"),
};

test("every documented example belongs to a tested provider", () => {
  const files = readdirSync(new URL("examples/", docsFolder));
  const expected = Object.entries(providers).flatMap(([name, provider]) => [
    `${name}.created.json`,
    ...(provider.deleted === undefined ? [] : [`${name}.deleted.json`]),
  ]);
  expect(files.sort()).toEqual(expected.sort());
});

describe.each(Object.entries(providers))("%s", (name, provider) => {
  const kinds = [
    ["created", provider.created],
    ...(provider.deleted === undefined ? [] : [["deleted", provider.deleted] as const]),
  ] as const;

  test.each(kinds)("the documented example of a user %s is accepted", async (kind, occurredAt) => {
    const body = readExample(`${name}.${kind}`);
    const response = await ingress.post(body, provider.authenticate(body));
    // Okta requires an empty response.
    const isEmpty = name === "okta";
    expect(response.status).toBe(isEmpty ? 204 : 202);
    expect(response.body).toEqual(isEmpty ? {} : { accepted: 1, ignored: 0 });
    expect(ingress.recorded).toEqual([
      {
        id: expect.stringMatching(/./) as string,
        type: `user.${kind}`,
        appUserId: provider.appUserId,
        occurredAt: new Date(occurredAt),
      },
    ]);
    expect(ingress.counted).toEqual([`${provider.source} accepted`]);
  });
});

test.each([
  ["an unknown type in our own format", { type: "user.updated", data: { id: "u1" } }],
  ["an unknown type without data", { type: "session.ended" }],
  ["a type named like a member of every object", { type: "__proto__", data: { id: "u1" } }],
  [
    "another table of Supabase",
    { type: "INSERT", schema: "public", table: "users", record: { id: "u1" }, old_record: null },
  ],
  [
    "an update of Supabase",
    { type: "UPDATE", schema: "auth", table: "users", record: { id: "u1" }, old_record: { id: "u1" } },
  ],
  ["another hook of Supabase", { metadata: { name: "send-sms" }, user: { id: "u1" } }],
  ["the FusionAuth event before the commit", { event: { type: "user.create", user: { id: "u1" } } }],
  ["another object of Stytch", { source: "DIRECT", object_type: "organization", action: "CREATE", id: "o1" }],
  ["a machine user of Zitadel", { aggregateID: "1", event_type: "user.machine.added" }],
  ["a CloudEvent of another type", { specversion: "1.0", type: "com.example.other", subject: "u1" }],
])("%s is ignored", async (_title, message) => {
  const response = await ingress.postAsBearer(message);
  expect(response).toMatchObject({ status: 202, body: { accepted: 0, ignored: 1 } });
  expect(ingress.recorded).toEqual([]);
  expect(ingress.counted).toEqual([expect.stringMatching(/^[a-z0-9-]+ ignored$/)]);
});

test("each event of one Okta message is recorded, except for ignored types", async () => {
  const user = (id: string) => [
    { type: "AppInstance", id: "0oa1" },
    { type: "User", id },
  ];
  const events = [
    { eventType: "user.lifecycle.create", target: user("00u1") },
    { eventType: "user.session.start", target: user("00u2") },
    { eventType: "user.lifecycle.delete.initiated", target: user("00u3") },
  ];
  const response = await ingress.postAsBearer({ eventType: "com.okta.event_hook", data: { events } });
  expect(response.status).toBe(204);
  expect(ingress.counted).toEqual(["okta accepted", "okta accepted", "okta ignored"]);
  expect(ingress.recorded.map(({ type, appUserId }) => [type, appUserId])).toEqual([
    ["user.created", "00u1"],
    ["user.deleted", "00u3"],
  ]);
});

describe("the response to Okta", () => {
  const created = { eventType: "user.lifecycle.create", target: [{ type: "User", id: "00u1" }] };
  const toHook = (events: object[]) => ({ eventType: "com.okta.event_hook", data: { events } });

  test.each([
    ["events of known types", [created]],
    ["events of other types only", [{ eventType: "user.session.start", target: [] }]],
    ["no events", []],
  ])("is 204 without a body for a message with %s", async (_title, events) => {
    const response = await fetch(ingress.url, {
      method: "POST",
      headers: { ...bearer, "content-type": "application/json" },
      body: JSON.stringify(toHook(events)),
    });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(response.headers.get("content-type")).toBeNull();
  });

  test("is a problem as for every sender when the message is rejected", async () => {
    const invalid = await ingress.postAsBearer(toHook([{ ...created, target: [] }]));
    expect(invalid).toMatchObject({ status: 400, body: { code: "MISSING_USER_ID" } });
    const unknown = await ingress.postAsBearer(toHook([created]), { authorization: "Bearer unknown" });
    expect(unknown.status).toBe(401);
  });

  test("does not apply to a batch that contains Okta's format", async () => {
    const response = await ingress.postAsBearer([toHook([created])]);
    expect(response).toMatchObject({ status: 202, body: { accepted: 1 } });
  });
});

test("an Okta message without a user among its targets is rejected with the index of the event", async () => {
  const events = [
    { eventType: "user.session.start", target: [] },
    { eventType: "user.lifecycle.create", target: [{ type: "UserGroup", id: "00g1" }] },
  ];
  const response = await ingress.postAsBearer({ data: { events } });
  expect(response).toMatchObject({ status: 400, body: { code: "MISSING_USER_ID", index: 1 } });
});

test("the event id is the source's, else the id of the signed message, else the id of the request", async () => {
  const body = JSON.stringify([
    ownEvent("u1"),
    { ...ownEvent("u2"), specversion: "1.0", id: "e2", subject: "u2" },
  ]);
  await ingress.post(body, sign(body, { id: "msg_batch" }));
  await ingress.postAsBearer(ownEvent("u3"));
  expect(ingress.recorded.map(({ id }) => id)).toEqual(["msg_batch#0", "e2", expect.stringMatching(/./)]);
});

test("an overlong event id is truncated, and a lone surrogate in it is replaced", async () => {
  await ingress.postAsBearer({
    specversion: "1.0",
    type: "user.created",
    subject: "u1",
    id: "\ud800".repeat(999),
  });
  expect(ingress.recorded[0]?.id).toBe("\ufffd".repeat(256));
});

describe("times", () => {
  test.each([
    ["RFC 3339 with an offset", "2026-11-22T11:00:00+02:00", "2026-11-22T09:00:00.000Z"],
    [
      "RFC 3339 with nanoseconds and lowercase letters",
      "2026-11-22t09:00:00.123456789z",
      "2026-11-22T09:00:00.123Z",
    ],
    [
      "the last day of a month, and the next one in UTC",
      "2028-02-29T23:00:00-02:00",
      "2028-03-01T01:00:00.000Z",
    ],
    ["seconds since 1970", 1795341600, "2026-11-22T10:00:00.000Z"],
    ["milliseconds since 1970", 1795341600123, "2026-11-22T10:00:00.123Z"],
    ["none", undefined, arrival],
    ["null", null, arrival],
    ["four minutes ahead", "2026-11-22T10:04:00Z", "2026-11-22T10:04:00.000Z"],
    [
      "two hours ahead, as a sender writes that calls its local time UTC",
      "2026-11-22T12:00:00Z",
      "2026-11-22T12:00:00.000Z",
    ],
    ["microseconds since 1970", 1795341600123456, "2026-11-22T10:00:00.123Z"],
    ["nanoseconds since 1970", 1795341600123000000, "2026-11-22T10:00:00.123Z"],
  ])("an event time can be %s", async (_title, timestamp, occurredAt) => {
    await ingress.postAsBearer({ type: "user.created", timestamp, data: { id: "u1" } });
    expect(ingress.recorded.map((event) => event.occurredAt.toISOString())).toEqual([occurredAt]);
  });

  test.each([
    ["2026-11-22T10:00:00", "has no time zone"],
    ["2026-11-22 10:00:00.123", "has no time zone"],
    ["2026-11-22T10:00", "has no time zone"],
    ["2026-11-22T10:00:00,5", "has no time zone"],
    ["2026-11-22", "is only a date"],
    ["2026-11-22T10:00:00+0200", "incomplete time zone"],
    ["2026-11-22 10:00:00 +02", "incomplete time zone"],
    ["2026-11-22T10:00:00+02:00[Europe/Berlin]", "names its time zone"],
    ["2026-11-22 10:00:00 CET", "names its time zone"],
    ["2026-11-22T10:00Z", "has no seconds"],
    ["2026-11-22T10:00:00,5Z", "separates the fraction of a second with a comma"],
    ["2026-11-22 10:00:00 +02:00", "has a space before its time zone"],
    ["2026-11-22 10:00:00 +0000 UTC", "names its time zone"],
    ["2026-11-22T10:00:00Z\n", "has white space around it"],
    ["2026-13-45T10:00:00Z", "is not an existing time"],
    ["2026-02-30T10:00:00Z", "is not an existing time"],
    ["2027-02-29T10:00:00Z", "is not an existing time"],
    ["2026-11-31T23:00:00-02:00", "is not an existing time"],
    ["1795341600", "is a number in a string"],
    ["Sun, 22 Nov 2026 10:00:00 GMT", "must be an RFC 3339 time with a zone"],
    ["2026-W47-7T10:00:00Z", "must be an RFC 3339 time with a zone"],
    ["20261122T100000Z", "must be an RFC 3339 time with a zone"],
    [true, "must be an RFC 3339 time with a zone"],
  ])("the event time %j is rejected, and the response says what to change", async (timestamp, problem) => {
    const response = await ingress.postAsBearer({ type: "user.created", timestamp, data: { id: "u1" } });
    expect(response).toMatchObject({ status: 400, body: { code: "INVALID_EVENT_TIME" } });
    expect(response.body.detail).toMatch(/^The event time .+\.$/);
    expect(response.body.detail).toContain(problem);
  });

  test.each([["yesterday"], ["2026-13-45T10:00:00Z"], ["1795341600"], [""], [true], [{}], [1e300]])(
    "the event time %j is rejected",
    async (timestamp) => {
      const response = await ingress.postAsBearer({ type: "user.created", timestamp, data: { id: "u1" } });
      expect(response).toMatchObject({ status: 400, body: { code: "INVALID_EVENT_TIME" } });
      expect(ingress.recorded).toEqual([]);
    },
  );
});

describe("a custom source", () => {
  const startCustom = (environment: Record<string, string>) =>
    startIngressForTest({ ...allSecrets, ...environment });

  test("is read with the configured pointers", async () => {
    const custom = await startCustom({
      EVENTS_USER_ID_POINTER: "/payload/who~1what/0/uid",
      EVENTS_TYPE_POINTER: "/payload/kind",
      EVENTS_TIME_POINTER: "/payload/at",
      EVENTS_CREATED_TYPES: "account.opened, account.imported",
      EVENTS_DELETED_TYPES: "account.closed",
    });
    const message = (kind: string, uid: unknown) => ({
      payload: { kind, at: 1795341000, "who/what": [{ uid }] },
    });
    await custom.postAsBearer([message("account.imported", "u1"), message("account.closed", "u2")]);
    const ignored = await custom.postAsBearer(message("account.renamed", "u3"));
    const missing = await custom.postAsBearer(message("account.opened", null));
    const number = await custom.postAsBearer(message("account.opened", 42));
    expect(custom.recorded).toMatchObject([
      { type: "user.created", appUserId: "u1", occurredAt: new Date(1795341000_000) },
      { type: "user.deleted", appUserId: "u2" },
    ]);
    expect(ignored.body).toEqual({ accepted: 0, ignored: 1 });
    expect(missing.body).toMatchObject({ status: 400, code: "MISSING_USER_ID" });
    expect(number.body).toMatchObject({ status: 400, code: "INVALID_USER_ID" });
    expect(custom.counted).toContain("custom accepted");
  });

  test("may send several events in one message, each with its own type, time and users", async () => {
    const custom = await startCustom({
      EVENTS_USER_ID_POINTER: "/value/*/users/*[type=person]/id",
      EVENTS_TYPE_POINTER: "/value/*/change",
      EVENTS_TIME_POINTER: "/value/*/at",
    });
    const person = (id: string) => ({ type: "person", id });
    await custom.postAsBearer({
      value: [
        {
          change: "user.created",
          at: 1795341000,
          users: [person("a"), { type: "robot", id: "r" }, person("b")],
        },
        { change: "user.deleted", at: 1795341001, users: [person("c")] },
      ],
    });
    expect(custom.recorded.map((e) => [e.type, e.appUserId, e.occurredAt.getTime() / 1000])).toEqual([
      ["user.created", "a", 1795341000],
      ["user.created", "b", 1795341000],
      ["user.deleted", "c", 1795341001],
    ]);
  });

  test("is used only for messages in which the known formats find no event", async () => {
    const custom = await startCustom({
      EVENTS_USER_ID_POINTER: "/data/user/id",
      EVENTS_CREATED_TYPES: "user.created,account.opened",
    });
    await custom.postAsBearer({ type: "user.created", data: { id: "known", user: { id: "custom" } } });
    await custom.postAsBearer({ type: "user.created", data: { user: { id: "no-known-id" } } });
    await custom.postAsBearer({ type: "account.opened", data: { id: "x", user: { id: "no-known-type" } } });
    expect(custom.recorded.map(({ appUserId }) => appUserId)).toEqual([
      "known",
      "no-known-id",
      "no-known-type",
    ]);
    expect(custom.counted).toEqual(["own accepted", "custom accepted", "custom accepted"]);
  });

  test("never reads inherited members of an object", async () => {
    const custom = await startCustom({
      EVENTS_USER_ID_POINTER: "/constructor",
      EVENTS_TYPE_POINTER: "/kind",
    });
    const response = await custom.postAsBearer({ kind: "user.created" });
    expect(response.body).toMatchObject({ code: "MISSING_USER_ID" });
  });
});
