import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  createProxyFinder,
  describeRoute,
  listProxySecrets,
} from "../../src/http-client/outbound-proxies.js";
import { createAgent, createPool } from "../../src/http-client/pool.js";
import { parseProxyUrl } from "../../src/http-client/proxy-url.js";
import { sendRequest } from "../../src/http-client/send-request.js";
import { startConnectProxy } from "../support/connect-proxy.js";
import { waitUntil } from "../support/wait-until.js";

const get = { method: "GET" as const, path: "/hello?a=1", headers: { accept: "text/plain" } };
const none = { http: null, https: null, noProxy: "" };
const proxyUrl = "http://proxy:3128";

async function startProxy(options?: { credentials: string }) {
  const proxy = await startConnectProxy(options);
  onTestFinished(proxy.close);
  return proxy;
}

async function startOrigin() {
  const hosts: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    hosts.push(request.headers.host);
    expect(request.headers).not.toHaveProperty("proxy-authorization");
    response.end(`you asked for ${request.url}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, authority: `127.0.0.1:${port}`, hosts };
}

function openPool(
  origin: string,
  http: string,
  { noProxy = "", connections = 4, connectTimeoutMs = 1_000 } = {},
) {
  const findProxy = createProxyFinder({ http, https: null, noProxy });
  const pool = createPool(origin, { connections, connectTimeoutMs, findProxy });
  onTestFinished(() => pool.destroy());
  return (timeoutMs = 2_000) => sendRequest(pool, get, { timeoutMs });
}

describe("a request through a proxy", () => {
  test("uses a tunnel that stays open for further requests", async () => {
    const proxy = await startProxy();
    const { origin, authority, hosts } = await startOrigin();
    const send = openPool(origin, proxy.url, { connections: 1 });
    for (let i = 0; i < 5; i += 1) {
      expect(await send()).toMatchObject({ status: 200, text: "you asked for /hello?a=1" });
    }
    expect(proxy.tunnels).toEqual([authority]);
    expect(proxy.control.requests).toEqual([]);
    expect(new Set(hosts)).toEqual(new Set([authority]));
  });

  test("never uses more connections than the pool may have", async () => {
    const proxy = await startProxy();
    const { origin } = await startOrigin();
    const send = openPool(origin, proxy.url, { connections: 3 });
    await Promise.all(Array.from({ length: 50 }, () => send()));
    expect(proxy.tunnels.length).toBeLessThanOrEqual(3);
  });

  test("sends the decoded user name and password to the proxy only", async () => {
    const proxy = await startProxy({ credentials: "gate way:p@ss:w%rd" });
    const { origin } = await startOrigin();
    expect((await openPool(origin, proxy.url)()).status).toBe(200);
    const withoutPassword = await startProxy({ credentials: "token:" });
    expect((await openPool(origin, withoutPassword.url)()).status).toBe(200);
  });

  test.each([
    [407, "the proxy refused the connection (407: user name or password missing or wrong)"],
    [403, "the proxy refused the connection (403)"],
    [503, "the proxy refused the connection (503)"],
  ])("that the proxy refuses with %d fails with that reason", async (status, message) => {
    const proxy = await startProxy();
    proxy.control.behavior = status;
    const { origin } = await startOrigin();
    await expect(openPool(origin, proxy.url)()).rejects.toThrow(message);
  });

  test("fails when the proxy does not listen", async () => {
    const { origin } = await startOrigin();
    const failed = openPool(origin, "http://127.0.0.1:1")();
    await expect(failed).rejects.toThrow("the connection failed (ECONNREFUSED)");
  });

  test("ends in time when the proxy does not respond, or closes each connection", async () => {
    const { origin } = await startOrigin();
    for (const behavior of ["hang", "close"] as const) {
      const proxy = await startProxy();
      proxy.control.behavior = behavior;
      const startedAt = performance.now();
      await expect(openPool(origin, proxy.url)(400)).rejects.toThrow();
      expect(performance.now() - startedAt, behavior).toBeLessThan(1_000);
      const { connections } = proxy.control;
      expect(connections, behavior).toBeLessThan(5);
    }
  });

  test("does not keep connections to a proxy that never opens the tunnel", async () => {
    const { origin } = await startOrigin();
    const proxy = await startProxy();
    proxy.control.behavior = "hang";
    await expect(openPool(origin, proxy.url, { connectTimeoutMs: 500 })(200)).rejects.toThrow();
    await waitUntil("the connection is closed", () => proxy.openConnections() === 0);
  });

  test("works again when the proxy does", async () => {
    const { origin } = await startOrigin();
    const proxy = await startProxy();
    const send = openPool(origin, proxy.url);
    proxy.control.behavior = 503;
    await expect(send()).rejects.toThrow("503");
    proxy.control.behavior = "tunnel";
    expect((await send()).status).toBe(200);
  });
});

test("an agent sends each request through the proxy for its origin", async () => {
  const [proxy, listed, other] = [await startProxy(), await startOrigin(), await startOrigin()];
  const findProxy = createProxyFinder({ http: proxy.url, https: null, noProxy: listed.authority });
  const agent = createAgent({ connections: 1, connectTimeoutMs: 1_000, findProxy });
  onTestFinished(() => agent.destroy());
  for (const { origin } of [listed, other, other]) {
    expect((await sendRequest(agent, { ...get, origin }, { timeoutMs: 2_000 })).status).toBe(200);
  }
  expect(proxy.tunnels).toEqual([other.authority]);
});

describe("the proxy for a request", () => {
  const https = "http://secure:3128";
  test.each([
    [none, "https://api.example.com", ""],
    [{ ...none, https }, "https://api.example.com", "through the proxy http://secure:3128"],
    [{ ...none, https }, "http://api.example.com", "without a proxy"],
    [{ ...none, http: proxyUrl }, "http://api.example.com", "through the proxy http://proxy:3128"],
    [{ ...none, http: proxyUrl }, "https://api.example.com", "through the proxy http://proxy:3128"],
    [{ ...none, http: proxyUrl, https }, "https://api.example.com", "through the proxy http://secure:3128"],
    [
      { ...none, https: "user:secret@proxy:3128" },
      "https://a.example",
      "through the proxy http://proxy:3128",
    ],
  ])("with %j for %s is described as %j", (settings, url, route) => {
    expect(describeRoute(settings, url)).toBe(route);
  });
});

describe("NO_PROXY", () => {
  const isDirect = (noProxy: string, url: string) =>
    createProxyFinder({ http: proxyUrl, https: proxyUrl, noProxy })(url) === null;

  test.each([
    ["*", "https://api.example.com"],
    ["localhost, *", "https://api.example.com"],
    ["api.example.com", "https://api.example.com"],
    ["API.example.COM", "https://api.EXAMPLE.com."],
    ["example.com", "https://api.example.com"],
    [".example.com", "https://a.b.example.com"],
    [".example.com", "https://example.com"],
    ["*.example.com", "https://api.example.com"],
    ["example.com.", "https://api.example.com"],
    ["a.test,example.com", "https://api.example.com"],
    ["a.test example.com", "https://api.example.com"],
    ["example.com:443", "https://api.example.com"],
    ["example.com:80", "http://example.com"],
    ["localhost:8765", "http://localhost:8765"],
    ["127.0.0.1", "http://127.0.0.1:8765"],
    ["127.0.0.0/8", "http://127.1.2.3"],
    ["10.0.0.0/8,192.168.0.0/16", "http://192.168.7.7:81"],
    ["10.*", "http://10.1.2.3"],
    ["::1", "http://[::1]:80"],
    ["[::1]:8080", "http://[::1]:8080"],
    ["fd00::/8", "http://[fd12::1]"],
    ["http://example.com", "https://example.com"],
  ])("%s includes %s", (noProxy, url) => {
    expect(isDirect(noProxy, url)).toBe(true);
  });

  test.each([
    ["", "https://api.example.com"],
    [" , ", "https://api.example.com"],
    ["example.com", "https://myexample.com"],
    ["example.com", "https://example.com.evil.test"],
    ["api.example.com", "https://example.com"],
    ["example.com:8443", "https://example.com"],
    ["10.0.0.0/8", "https://11.0.0.1"],
    ["10.0.0.0/99", "https://10.0.0.1"],
    ["10.0.0.0/8", "https://10.example.com"],
    ["a.c", "https://abc"],
    ["*.a.c", "https://a-c"],
    ["::1", "http://[::2]"],
  ])("%j does not include %s", (noProxy, url) => {
    expect(isDirect(noProxy, url)).toBe(false);
  });
});

describe("the URL of a proxy", () => {
  test.each([
    ["proxy.example.com:3128", "http://proxy.example.com:3128", null],
    ["http://proxy:3128/", "http://proxy:3128", null],
    ["HTTPS://proxy", "https://proxy", null],
    ["http://[fd00::1]:3128", "http://[fd00::1]:3128", null],
    ["http://u:p@proxy:3128", "http://proxy:3128", "u:p"],
    ["http://u%40corp:p%25%3A@proxy:3128", "http://proxy:3128", "u@corp:p%:"],
    ["u:p@proxy:3128", "http://proxy:3128", "u:p"],
    ["http://u@proxy:3128", "http://proxy:3128", "u:"],
  ])("%s is accepted", (value, origin, credentials) => {
    const authorization =
      credentials === null ? null : `Basic ${Buffer.from(credentials).toString("base64")}`;
    expect(parseProxyUrl(value)).toEqual({ origin, authorization });
  });

  test.each([
    ["socks5://proxy:1080", /not a SOCKS proxy/],
    ["ftp://proxy", /must be a URL such as http:\/\/proxy\.example\.com:3128/],
    ["http://", /must be a URL/],
    ["http://u:p#ss@proxy:3128", /percent-encoded/],
    ["http://u:100%@proxy:3128", /write % as %25/],
    ["http://proxy:3128/path", /must not contain a path/],
    ["http://proxy:3128?x=1", /must not contain a path/],
    ["http://proxy:99999", /must be a URL/],
  ])("%s is rejected with what to write, and without the value", (value, problem) => {
    const parsed = parseProxyUrl(value);
    expect("problem" in parsed ? parsed.problem : "accepted").toMatch(problem);
    expect(JSON.stringify(parsed)).not.toMatch(/u:|p#ss|100%@/);
  });

  test("has secrets, in each spelling that a log could contain", () => {
    const secrets = listProxySecrets({ ...none, https: "http://user:p%40ssword1@proxy:3128" });
    const encoded = Buffer.from("user:p@ssword1").toString("base64");
    expect(secrets).toEqual(["user:p%40ssword1", "p%40ssword1", "p@ssword1", encoded]);
    expect(listProxySecrets({ ...none, http: proxyUrl })).toEqual([]);
  });
});
