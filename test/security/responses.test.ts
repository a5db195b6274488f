import { expect, test } from "vitest";
import { registerEventIngress } from "../../src/http/events/event-ingress.js";
import { readEventSettings } from "../../src/http/events/event-settings.js";
import { createSettingsReader } from "../../src/config/settings-reader.js";
import { startServer } from "../support/http/test-server.js";
import { silentLog } from "../support/recording-log.js";
import { startStackForFile } from "../support/security/use-test-stack.js";
import { secrets, tokenMutation, type GraphqlBody } from "../support/security/test-stack.js";

const stack = startStackForFile();
const webApp = "https://app.example.com";

async function startReadyGateway(settings: Record<string, string> = {}) {
  const gateway = await stack().startGateway(settings);
  await gateway.untilReady();
  return gateway;
}

const signup = (id: string) => JSON.stringify({ type: "user.created", data: { id } });
const cloudEvent = (id: string) => ({
  specversion: "1.0",
  id: `event-${id}`,
  source: "test",
  type: "user.created",
  subject: id,
});

test("a response with a token must not be cached", async () => {
  const gateway = await startReadyGateway();
  const { headers, body } = await gateway.query(stack().token("stored"), tokenMutation);
  expect(body.data).toMatchObject({ vitalSignInToken: { signInToken: expect.any(String) as string } });
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});

test("the caller's request id is in the response and its errors, unless it is unsafe in a header", async () => {
  const gateway = await startReadyGateway();
  const ask = async (requestId: string) => {
    const response = await gateway.post({ query: "{" }, { "x-request-id": requestId });
    const body = (await response.json()) as GraphqlBody;
    return {
      header: response.headers.get("x-request-id"),
      extension: body.errors?.[0]?.extensions.requestId,
    };
  };
  expect(await ask("abc-1.2_3")).toEqual({ header: "abc-1.2_3", extension: "abc-1.2_3" });
  for (const unfit of ["a b", "<script>", "x".repeat(129)]) {
    const { header, extension } = await ask(unfit);
    expect(header).toMatch(/^[0-9a-f-]{36}$/);
    expect(extension).toBe(header);
  }
});

test("an overloaded gateway sheds events and sign-ins with 503 and Retry-After, and stays alive", async () => {
  const settings = readEventSettings(
    createSettingsReader({ EVENTS_BEARER_TOKENS: secrets.eventsBearerToken }),
  );
  let recorded = 0;
  const { request, post } = await startServer({
    overload: { isOverloaded: () => true, close: () => undefined },
    plugins: [
      (app) => {
        registerEventIngress(app, {
          settings,
          now: () => new Date(),
          log: silentLog,
          record: () => Promise.resolve(void (recorded += 1)),
        });
      },
    ],
  });
  const shed = await request("/v1/events", {
    method: "POST",
    headers: { authorization: `Bearer ${secrets.eventsBearerToken}`, "content-type": "application/json" },
    body: signup("u1"),
  });
  expect(shed.status).toBe(503);
  expect(shed.headers.get("content-type")).toContain("application/problem+json");
  expect(Number(shed.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(shed.headers.get("x-request-id")).not.toBeNull();
  expect(await shed.json()).toMatchObject({ status: 503, code: "SERVICE_UNAVAILABLE" });
  expect(recorded).toBe(0);

  const signIn = await post({ query: tokenMutation });
  expect(signIn.status).toBe(503);
  expect(Number(signIn.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await request("/livez")).status).toBe(200);
});

test("the handshake of CloudEvents senders works together with the preflight of browsers", async () => {
  const gateway = await startReadyGateway({ GATEWAY_CORS_ORIGINS: webApp });
  const handshake = await gateway.request("/v1/events", {
    method: "OPTIONS",
    headers: { "webhook-request-origin": "events.example.com", "webhook-request-rate": "100" },
  });
  expect(handshake.status).toBe(200);
  expect(handshake.headers.get("webhook-allowed-origin")).toBe("events.example.com");
  expect(handshake.headers.get("access-control-allow-origin")).toBeNull();

  const preflight = await gateway.request("/graphql", {
    method: "OPTIONS",
    headers: { origin: webApp, "access-control-request-method": "POST" },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe(webApp);
  expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();

  const foreign = await gateway.request("/graphql", {
    method: "OPTIONS",
    headers: { origin: "https://evil.example.com", "access-control-request-method": "POST" },
  });
  expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
});

test("events without valid credentials are rejected and change nothing", async () => {
  const gateway = await startReadyGateway();
  const send = (headers: Record<string, string>) =>
    gateway.request("/v1/events", {
      method: "POST",
      headers: { "content-type": "application/cloudevents+json", ...headers },
      body: JSON.stringify(cloudEvent("unauthenticated")),
    });
  for (const headers of [
    {},
    { authorization: `Bearer ${secrets.eventsBearerToken}x` },
    {
      authorization: `Bearer ${secrets.eventsBearerToken}`,
      "webhook-id": "m1",
      "webhook-timestamp": String(Math.floor(Date.now() / 1000)),
      "webhook-signature": "v1,AAAA",
    },
  ]) {
    const response = await send(headers);
    expect(response.status).toBe(401);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
  }
  const { body } = await gateway.query(
    stack().token("unauthenticated"),
    "{ viewer { vitalUser { state } } }",
  );
  expect(body.data).toEqual({ viewer: { vitalUser: null } });
});

test("introspection and the explorer are off unless a setting enables them", async () => {
  const closed = await startReadyGateway();
  const token = stack().token("curious");
  const { body } = await closed.query(token, "{ __schema { types { name } } }");
  expect(body.data).toBeUndefined();
  expect(JSON.stringify(body)).not.toMatch(/Did you mean|apollo/i);
  const page = await closed.request("/graphql", { headers: { accept: "text/html" } });
  expect(page.status).toBe(401);

  const open = await startReadyGateway({ GATEWAY_INTROSPECTION: "true" });
  expect((await open.query(token, "{ __schema { types { name } } }")).body.data).toBeTruthy();
});

test("an HTML form or a simple request of another site runs nothing", async () => {
  const gateway = await startReadyGateway();
  const authorization = `Bearer ${stack().token("csrf")}`;
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    const response = await gateway.request("/graphql", {
      method: "POST",
      headers: { "content-type": type, authorization },
      body: JSON.stringify({ query: tokenMutation }),
    });
    expect(response.status).toBe(415);
  }
  const query = encodeURIComponent(tokenMutation);
  const byGet = await gateway.request(`/graphql?query=${query}`, { headers: { authorization } });
  expect(byGet.status).toBe(405);
});

test("the operators' pages are not served on the public port", async () => {
  const gateway = await startReadyGateway();
  for (const path of ["/metrics", "/queues", "/queues/api"]) {
    expect((await gateway.request(path)).status).toBe(404);
  }
});
