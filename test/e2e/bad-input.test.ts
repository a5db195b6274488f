import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { createConnection } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, expect, test } from "vitest";
import { startIdentityProvider } from "../../dev/identity-provider/identity-provider.js";
import { localAudience } from "../../dev/local-settings.js";
import { signIn } from "../../dev/sign-in.js";
import { appUser, sendGraphql, startStack, tokenMutation } from "../support/stack.js";
import { startOwnRedis, createTestDatabase } from "../support/services.js";

const redis = await startOwnRedis();
const stack = await startStack({ mongodbUrl: createTestDatabase(), redisUrl: redis.url });
const [gateway, worker] = await Promise.all([stack.startReady("gateway"), stack.startReady("worker")]);
const foreignProvider = await startIdentityProvider({ audience: localAudience });
afterAll(() => foreignProvider.close());

const ownToken = await stack.signIn(appUser());
const foreign = await signIn({
  issuer: foreignProvider.issuer,
  audience: localAudience,
  appUserId: appUser(),
});
const foreignToken = foreign.accessToken;

/** Paths, stack frames and names of dependencies, which responses must not contain. */
const internals =
  /node_modules|\bat \S+ \(|\.[jt]s:\d|mongo|redis|bullmq|ioredis|fastify|apollo|127\.0\.0\.1:\d/i;

type Sent = { body?: string | Buffer; headers?: Record<string, string> };

async function post(path: "/graphql" | "/v1/events", { body = "{}", headers = {} }: Sent) {
  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
  const responseBody = await response.text();
  expect(responseBody).not.toMatch(internals);
  return { status: response.status, headers: response.headers, body: responseBody };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const query = JSON.stringify({ query: tokenMutation });
const eventToken = () => bearer(stack.secrets.bearerToken);

afterEach(async () => {
  expect([gateway.hasExited(), worker.hasExited()]).toEqual([false, false]);
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
});

test("a GraphQL request without a valid token gets 401 with a challenge", async () => {
  for (const headers of [{}, bearer(foreignToken), bearer("garbage"), { authorization: "Basic eDp5" }]) {
    const response = await post("/graphql", { body: query, headers });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
    expect(response.body).toContain("UNAUTHENTICATED");
  }
});

test("an event without a valid credential gets 401", async () => {
  const signed = { "webhook-id": "m1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA" };
  for (const headers of [{}, bearer(foreignToken), bearer(ownToken), signed]) {
    const response = await post("/v1/events", { body: '{"type":"user.created"}', headers });
    expect(response.status).toBe(401);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
  }
});

const malformedBodies: readonly (string | Buffer)[] = [
  "",
  "null",
  '"text"',
  "{",
  '{"query":42}',
  '{"query":"{ unknown }"}',
  '{"__proto__":{"query":"{ viewer { id } }"}}',
  Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28]),
  "[".repeat(50_000),
];

test("a malformed body gets 400 from both endpoints", async () => {
  for (const body of malformedBodies) {
    // With this media type, a document that fails validation also gets 400 (GraphQL over HTTP).
    const accept = "application/graphql-response+json";
    const graphql = await post("/graphql", { body, headers: { ...bearer(ownToken), accept } });
    const ingress = await post("/v1/events", { body, headers: eventToken() });
    expect([graphql.status, ingress.status], String(body).slice(0, 40)).toEqual([400, 400]);
  }
});

test("an invalid app user id gets 400 and is not stored", async () => {
  for (const id of ["", ".", "..", "a\u0000b", "x".repeat(257), { $gt: "" }, ["u1"], 42, null]) {
    const body = JSON.stringify({ type: "user.created", timestamp: new Date().toISOString(), data: { id } });
    expect((await post("/v1/events", { body, headers: eventToken() })).status, JSON.stringify(id)).toBe(400);
  }
  expect(await stack.vital.ledger()).toEqual([]);
});

/** Announces ten megabytes, sends the first part, and returns the status of the response. */
async function announceTenMegabytes(path: string, headers: Record<string, string>): Promise<number> {
  const sent = request(gateway.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": 10_000_000, ...headers },
  });
  sent.on("error", () => undefined);
  sent.write("x".repeat(16_384));
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  expect(await text(response)).not.toMatch(internals);
  sent.destroy();
  return response.statusCode ?? 0;
}

test("a body of ten megabytes gets 413 from both endpoints, and sending it anyway does not harm the gateway", async () => {
  expect(await announceTenMegabytes("/graphql", bearer(ownToken))).toBe(413);
  expect(await announceTenMegabytes("/v1/events", eventToken())).toBe(413);
  const body = "x".repeat(10_000_000);
  for (const path of ["/graphql", "/v1/events"]) {
    // A client that continues to send may find the connection closed before it has read the response.
    const response = await fetch(gateway.url + path, { method: "POST", body, headers: eventToken() }).catch(
      () => null,
    );
    expect([null, 401, 413, 415]).toContain(response?.status ?? null);
  }
});

test("bytes that are not HTTP get 400 and a closed connection", async () => {
  const socket = createConnection(Number(new URL(gateway.url).port), "127.0.0.1");
  socket.write("\u0016\u0003\u0001 not http at all\r\n\r\n");
  const response = await text(socket);
  expect(response).toMatch(/^HTTP\/1\.1 400 /);
  expect(response).not.toMatch(internals);
});

test("the gateway still issues tokens after all these requests", async () => {
  expect((await sendGraphql(gateway, ownToken)).data?.vitalSignInToken?.userId).toBeTypeOf("string");
});
