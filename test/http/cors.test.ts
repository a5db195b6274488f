import { describe, expect, test } from "vitest";
import { readCors } from "../../src/config/cors-settings.js";
import { createSettingsReader } from "../../src/config/settings-reader.js";
import { startServer } from "../support/http/test-server.js";

function readSettings(settings: Record<string, string>) {
  const reader = createSettingsReader(settings);
  const cors = readCors(reader);
  return { cors, problems: reader.problems };
}

describe("GATEWAY_CORS_ORIGINS", () => {
  test.each([
    "https://app.example.com",
    "http://localhost:3000",
    "http://tauri.localhost",
    "https://localhost",
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "app://localhost",
    "my-app://com.example.app",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "moz-extension://11111111-2222-4333-8444-555555555555",
    "safari-web-extension://E8A2F2D4-1111-4222-8333-444444444444",
  ])("may contain %s, whose app may then call", async (origin) => {
    const { cors, problems } = readSettings({ GATEWAY_CORS_ORIGINS: origin });
    expect(problems).toEqual([]);
    const { request } = await startServer({ cors });
    const headers = { origin, "access-control-request-method": "POST" };
    const response = await request("/graphql", { method: "OPTIONS", headers });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
  });

  test.each([
    ["*", /list each origin/],
    ["null", /origin of every local file/],
    ["file://", /is not an origin/],
    ["file://localhost", /browsers send null for file:/],
    ["data://x", /browsers send null/],
    ["https://app.example.com/", /write https:\/\/app\.example\.com$/],
    ["https://App.Example.com", /write https:\/\/app\.example\.com$/],
    ["https://app.example.com:443", /write https:\/\/app\.example\.com$/],
    ["https://app.example.com/path", /write https:\/\/app\.example\.com$/],
    ["https://*.example.com", /is not an origin; write it like/],
    ["capacitor://localhost/", /is not an origin; write it like/],
    ["capacitor://*", /is not an origin; write it like/],
    ["Capacitor://localhost", /scheme in lower case/],
    ["app.example.com", /is not an origin; write it like/],
  ])("rejects %s with what to write", (origin, problem) => {
    const { problems } = readSettings({ GATEWAY_CORS_ORIGINS: origin });
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });
});

describe("request headers", () => {
  const preflight = async (settings: Record<string, string>) => {
    const { cors } = readSettings({ GATEWAY_CORS_ORIGINS: "https://a.example", ...settings });
    const { request } = await startServer({ cors });
    const headers = { origin: "https://a.example", "access-control-request-method": "POST" };
    const response = await request("/graphql", { method: "OPTIONS", headers });
    return (response.headers.get("access-control-allow-headers") ?? "").split(", ");
  };

  test("of GraphQL clients and of monitoring are allowed by default", async () => {
    expect(await preflight({})).toEqual(
      expect.arrayContaining([
        ...["authorization", "content-type", "apollo-require-preflight", "x-apollo-operation-name"],
        ...["sentry-trace", "baggage", "traceparent", "tracestate", "newrelic", "x-requested-with"],
        ...["x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-origin", "x-datadog-sampling-priority"],
        ...["x-datadog-tags", "elastic-apm-traceparent", "b3", "x-b3-traceid", "x-request-id"],
      ]),
    );
  });

  test("are added by GATEWAY_CORS_HEADERS, and its value is checked", async () => {
    expect(await preflight({ GATEWAY_CORS_HEADERS: "X-App-Version, x-tenant" })).toEqual(
      expect.arrayContaining(["authorization", "x-app-version", "x-tenant"]),
    );
    for (const value of ["*", "x-app-*", "x app", "x-a:1"]) {
      expect(readSettings({ GATEWAY_CORS_HEADERS: value }).problems, value).toEqual([
        expect.stringMatching(/^GATEWAY_CORS_HEADERS: ".+" is not the name of a header/),
      ]);
    }
  });
});

describe("a web app", () => {
  const origin = "https://a.example";
  const cors = { origins: [origin], headers: [] };
  const sendPreflight = (
    { request }: Awaited<ReturnType<typeof startServer>>,
    headers: Record<string, string>,
  ) =>
    request("/graphql", {
      method: "OPTIONS",
      headers: { "access-control-request-method": "POST", ...headers },
    });

  const listWarnings = ({ lines }: Awaited<ReturnType<typeof startServer>>) =>
    lines.filter(({ level }) => level === "warn").map(({ phrase, fields }) => ({ phrase, ...fields }));

  test("learns that the gateway is overloaded, and when to retry", async () => {
    const overload = { isOverloaded: () => true, close: () => undefined };
    const server = await startServer({ cors, overload });
    expect((await sendPreflight(server, { origin })).status).toBe(204);
    const response = await server.post({ query: "{ __typename }" }, { origin });
    expect(response.status).toBe(503);
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
    expect(response.headers.get("access-control-expose-headers")).toContain("retry-after");
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
  });

  test.each([
    ["of no origin", []],
    ["of other origins", [origin]],
  ])("is logged once when only apps %s are allowed", async (_name, origins) => {
    const server = await startServer({ cors: { origins, headers: [] } });
    for (let i = 0; i < 3; i += 1) {
      const response = await sendPreflight(server, { origin: "capacitor://localhost" });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    }
    await server.post({ query: "{ __typename }" }, { origin: "https://same-origin.example" });
    const warnings = listWarnings(server);
    expect(warnings).toEqual([
      expect.objectContaining({
        phrase: "a browser may not send the requests of a web app",
        reason: "its origin is not allowed",
        origin: "capacitor://localhost",
        fix: "if it is an origin of yours, add it to GATEWAY_CORS_ORIGINS",
      }),
    ]);
  });

  test("is logged once when it wants to send a header that is not allowed", async () => {
    const server = await startServer({ cors });
    const names = { "access-control-request-headers": "authorization,content-type,x-tenant" };
    for (let i = 0; i < 3; i += 1) await sendPreflight(server, { origin, ...names });
    await sendPreflight(server, { origin, "access-control-request-headers": "Authorization, sentry-trace" });
    const warnings = listWarnings(server);
    expect(warnings).toEqual([
      expect.objectContaining({
        reason: "a request header is not allowed",
        header: "x-tenant",
        fix: "if the app needs it, add it to GATEWAY_CORS_HEADERS",
      }),
    ]);
  });
});
