import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";

import { apiKey, startTestSimulator, type TestSimulator } from "../support/simulator.js";

let vital: TestSimulator;
beforeAll(async () => {
  vital = await startTestSimulator();
});
afterAll(() => vital.close());

/** Sends the path as it is. `fetch` cannot: it collapses dots, encoded ones too. */
const send = (method: string, path: string) =>
  new Promise<{ status: number | undefined; body: unknown }>((resolve, reject) => {
    const { hostname, port } = new URL(vital.url);
    const sent = request({ hostname, port, method, path, headers: { "x-vital-api-key": apiKey } });
    sent.on("error", reject).on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => {
        resolve({ status: response.statusCode, body: text === "" ? null : JSON.parse(text) });
      });
    });
    sent.end();
  });

const unknownPath = { status: 404, body: { detail: "Not Found" } };
const unknownUser = { status: 404, body: { detail: "User not found" } };

test.each([
  ["a/b", "a%2Fb"],
  ["a/b", "a%2fb"],
  ["/", "%2F"],
  ["a/", "a%2F"],
  ["a//b/", "a%2F%2Fb%2F"],
  ["../undo_delete", "..%2Fundo_delete"],
  ["https://issuer.test/u1", "https%3A%2F%2Fissuer.test%2Fu1"],
])(
  "the user with the id %j exists and cannot be resolved, because %s has several segments",
  async (id, path) => {
    await vital.create(id);
    expect(await send("GET", `/v2/user/resolve/${path}`)).toEqual(unknownPath);
    const { detail } = await vital.create(id);
    const { user_id: vitalUserId } = detail as { user_id: string };
    expect((await send("GET", `/v2/user/${vitalUserId}`)).body).toMatchObject({ client_user_id: id });
  },
);

test.each([
  ["..", "%2e%2e"],
  [".", "%2E"],
  ["..", ".."],
  ["a?b=c", "a%3Fb=c"],
  ["a?limit=1", "a%3Flimit%3D1"],
  ["#", "%23"],
  ["a%2Fb", "a%252Fb"],
  ["%2e%2e", "%252e%252e"],
  ["%252F", "%25252F"],
  ["%", "%25"],
  ["%", "%"],
  ["%zz", "%zz"],
  ["u1", "%751"],
  ["a+b", "a+b"],
  ["a\\b", "a%5Cb"],
  [" ", "%20"],
  ["\u{fffd}", "%ff"],
])("the id %j is resolved by the segment %s, which is decoded once", async (id, segment) => {
  await vital.create(id);
  const { status, body } = await send("GET", `/v2/user/resolve/${segment}`);
  expect([status, body]).toMatchObject([200, { client_user_id: id }]);
});

test("a segment that is decoded once is not decoded again", async () => {
  await vital.create("decoded/twice");
  expect(await send("GET", "/v2/user/resolve/decoded%252Ftwice")).toEqual(unknownUser);
});

test("an encoded slash and encoded letters select a route as the characters themselves do", async () => {
  const vitalUserId = await vital.createId("routed");
  const token = await send("POST", `/v2%2Fuser/${vitalUserId}%2Fsign_in_token`);
  expect([token.status, token.body]).toMatchObject([200, { user_id: vitalUserId }]);
  expect((await send("GET", "/v2/user/resolve%2Frouted")).status).toBe(200);
  expect((await send("GET", "/v2/user/%72esolve/routed")).status).toBe(200);
  expect((await send("GET", `/v2/user/${vitalUserId.replaceAll("-", "%2D")}`)).status).toBe(200);
});

test.each([
  ["GET", "/v2/user/resolve/"],
  ["POST", "/v2/user//sign_in_token"],
  ["POST", "/v2/user/%2Fsign_in_token"],
  ["GET", "/v2/user/..%2F..%2Fv2%2Fuser"],
  ["GET", "/v2//user"],
  ["GET", "/v2/user%3Flimit=1"],
  ["GET", "/v2/user/a/b/c"],
  ["GET", "/%zz"],
  ["GET", "/%ff"],
])("%s %s is a path that Vital does not have", async (method, path) => {
  expect(await send(method, path)).toEqual(unknownPath);
});

test("a parameter with an encoded slash is never part of a user id", async () => {
  const vitalUserId = await vital.createId("slash in user id");
  for (const [method, path, expected] of [
    ["DELETE", `/v2/user/x%2Fy%2F${vitalUserId}`, 404],
    ["DELETE", `/v2/user/${vitalUserId}%2Fx`, 422],
    ["PATCH", `/v2/user/x%2F${vitalUserId}`, 404],
    ["POST", `/v2/user/x%2F${vitalUserId}/sign_in_token`, 404],
  ] as const) {
    const { status } = await send(method, path);
    expect([path, status]).toEqual([path, expected]);
  }
  expect((await send("GET", `/v2/user/${vitalUserId}`)).status).toBe(200);
});
