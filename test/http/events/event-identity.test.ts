import { expect, test } from "vitest";
import {
  allSecrets,
  ownEvent,
  sign,
  signingSecret,
  startIngressForFile,
  startIngressForTest,
} from "../../support/http/test-ingress.js";

const ingress = await startIngressForFile(allSecrets);
const toKeys = () => ingress.received.map(({ key }) => key);
const untimed = (appUserId: string, details: object = {}) => ({
  type: "user.deleted",
  data: { id: appUserId },
  ...details,
});

const deliver = (value: unknown, id: string) => {
  const body = JSON.stringify(value);
  return ingress.post(body, sign(body, { id }));
};

test("every delivery of a signed message is the same event, and another message is another event", async () => {
  for (const id of ["msg_1", "msg_1", "msg_2"]) await deliver(untimed("u1"), id);
  const [first, again, other] = toKeys();
  expect(again).toBe(first);
  expect(other).not.toBe(first);
});

test("a message without an id and a time is the same event as another with the same content", async () => {
  for (const details of [{}, {}, { reason: "gdpr" }]) await ingress.postAsBearer(untimed("u1", details));
  const [first, again, other] = toKeys();
  expect(again).toBe(first);
  expect(other).not.toBe(first);
  expect(ingress.received.map(({ hasOwnTime }) => hasOwnTime)).toEqual([false, false, false]);
});

test("a message in another batch is the same event, whether it has an id, a time or neither", async () => {
  const members = [untimed("u1", { id: "e1" }), ownEvent("u1"), untimed("u1")];
  await ingress.postAsBearer(members);
  await ingress.postAsBearer([...members].reverse());
  const keys = toKeys();
  expect(new Set(keys.slice(0, 3)).size).toBe(3);
  expect(keys.slice(3)).toEqual(keys.slice(0, 3).reverse());
});

test("every member of a batch is another event than the others", async () => {
  await deliver([untimed("u1"), untimed("u1")], "msg_1");
  expect(new Set(toKeys()).size).toBe(2);
});

test("every event of one message in a custom format is another event, also within a batch", async () => {
  const custom = await startIngressForTest({
    ...allSecrets,
    EVENTS_USER_ID_POINTER: "/items/*/uid",
    EVENTS_TYPE_POINTER: "/items/*/kind",
    EVENTS_DELETED_TYPES: "gone",
  });
  const message = {
    items: [
      { kind: "gone", uid: "u1" },
      { kind: "gone", uid: "u1" },
    ],
  };
  const body = JSON.stringify([message, message]);
  await custom.post(body, sign(body, { secret: signingSecret }));
  expect(custom.recorded.map(({ id }) => id)).toEqual(["msg_1#0#0", "msg_1#0#1", "msg_1#1#0", "msg_1#1#1"]);
  expect(new Set(custom.received.map(({ key }) => key)).size).toBe(4);
});

test("a message that is too deep to be identified is rejected, not an error of the gateway", async () => {
  const depth = 100_000;
  const body = `{"type":"user.created","data":{"id":"u1"},"x":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const response = await ingress.postAsBearerText(body);
  expect(response).toMatchObject({ status: 400, body: { code: "INVALID_JSON" } });
});

test("each event's time is checked against the clock, with its source", async () => {
  const checked: unknown[] = [];
  const watched = await startIngressForTest(allSecrets, {
    checkClock: (source, { occurredAt }) => void checked.push([source, occurredAt.toISOString()]),
  });
  await watched.postAsBearer(ownEvent("u1", "user.created", "2026-11-22T12:00:00Z"));
  expect(checked).toEqual([["own", "2026-11-22T12:00:00.000Z"]]);
});
