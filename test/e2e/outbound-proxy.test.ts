import { afterAll, describe, expect, test } from "vitest";
import { createTestDatabase, createTestRedis } from "../support/services.js";
import { startConnectProxy } from "../support/connect-proxy.js";
import { appUser, sendGraphql, startStack } from "../support/stack.js";
import { createTestCertificate, hasOpenssl, startTlsProxy } from "../support/tls.js";

const credentials = "gateway:secret-proxy-password";
const proxy = await startConnectProxy({ credentials });
afterAll(proxy.close);
const proxyOfWorker = await startConnectProxy();
afterAll(proxyOfWorker.close);
const stack = await startStack({
  mongodbUrl: createTestDatabase(),
  redisUrl: await createTestRedis(),
  settings: { LOG_LEVEL: "trace" },
});
const hostOf = (url: string) => new URL(url).host;
const [vital, issuer] = [hostOf(stack.vital.url), hostOf(stack.issuer)];

const countTunnels = (authority: string) => proxy.tunnels.filter((tunnel) => tunnel === authority).length;

test("the gateway and the worker call Vital and the issuer through the proxy, and log its address only", async () => {
  const [gateway, worker] = await Promise.all([
    stack.startReady("gateway", { HTTP_PROXY: proxy.url }),
    stack.startReady("worker", { http_proxy: proxyOfWorker.url, HTTP_PROXY: "http://127.0.0.1:1" }),
  ]);
  const [byGateway, byWorker] = [appUser(), appUser()];
  const { data } = await sendGraphql(gateway, await stack.signIn(byGateway));
  expect(data?.vitalSignInToken?.signInToken).toBeTruthy();
  expect(countTunnels(issuer)).toBeGreaterThan(0);
  expect(countTunnels(vital)).toBeGreaterThan(0);
  await stack.publish(gateway, byWorker);
  await stack.whenActive([byWorker]);

  expect(proxyOfWorker.tunnels).toContain(vital);

  for (const [service, { origin }] of [
    [gateway, proxy],
    [worker, proxyOfWorker],
  ] as const) {
    const text = service.lines().join("\n");
    expect(text).toContain(`"route":"through the proxy ${origin}"`);
    expect(text).not.toContain("secret-proxy-password");
    expect(text).not.toContain(Buffer.from(credentials).toString("base64"));
  }
});

test("NO_PROXY excludes Vital and the issuer", async () => {
  const before = proxy.control.connections;
  const gateway = await stack.startReady("gateway", { HTTP_PROXY: proxy.url, NO_PROXY: "127.0.0.0/8" });
  const { data } = await sendGraphql(gateway, await stack.signIn(appUser()));
  expect(data?.vitalSignInToken?.signInToken).toBeTruthy();
  expect(gateway.lines().join("\n")).toContain(`"route":"without a proxy"`);
  expect(proxy.control.connections).toBe(before);
});

describe("vital-gateway doctor", () => {
  const examine = async (settings: Record<string, string>) =>
    stack.run(["doctor"], { ...stack.settings, ...settings });

  test("names the proxy that requests used", async () => {
    const { output } = await examine({ HTTP_PROXY: proxy.url });
    expect(output).toMatch(
      `ok   Vital: accepts the API key (sandbox, us), through the proxy ${proxy.origin}\n`,
    );
    expect(output).toMatch(new RegExp(`ok   issuer: .+ keys, through the proxy ${proxy.origin}$`, "m"));
    expect(output).not.toContain("secret-proxy-password");
  });

  test("names the proxy that refuses, and what to check", async () => {
    const { output } = await examine({ HTTP_PROXY: proxy.origin, NO_PROXY: issuer });
    expect(output).toContain(
      `FAIL Vital: list-users: the proxy refused the connection (407: user name or password missing or wrong), through the proxy ${proxy.origin}\n`,
    );
    expect(output).toMatch(/→ .+; check the proxy \(HTTPS_PROXY, HTTP_PROXY\) and NO_PROXY as well/);
    expect(output).toMatch(/ok {3}issuer: .+ keys, without a proxy$/m);
  });

  test("says nothing about proxies when none is set, and rejects a URL that is none", async () => {
    expect((await examine({})).output).not.toContain("proxy");
    const { output } = await examine({ HTTPS_PROXY: "socks5://user:secret-proxy-password@proxy:1080" });
    expect(output).toContain("FAIL settings: HTTPS_PROXY: must be an HTTP proxy");
    expect(output).not.toContain("secret-proxy-password");
  });

  test.skipIf(!hasOpenssl)("reaches services with TLS through HTTPS_PROXY", async () => {
    const { caPath, ...certificate } = createTestCertificate();
    const [vitalPort, issuerPort] = [
      await startTlsProxy(Number(new URL(stack.vital.url).port), certificate),
      await startTlsProxy(Number(new URL(stack.issuer).port), certificate),
    ];
    const jwks = new URL((await readJwksUrl()) ?? "");
    const settings = {
      VITAL_API_URL: `https://localhost:${vitalPort}`,
      AUTH_JWKS_URL: `https://localhost:${issuerPort}${jwks.pathname}`,
      HTTPS_PROXY: proxy.url,
      NODE_EXTRA_CA_CERTS: caPath,
    };
    const { output } = await examine(settings);
    expect(output).toContain(
      `ok   Vital: accepts the API key (sandbox, us), through the proxy ${proxy.origin}`,
    );
    expect(output).toMatch(/ok {3}issuer: .+ keys, through the proxy /);
    expect(proxy.tunnels).toContain(`localhost:${vitalPort}`);
    expect(proxy.tunnels).toContain(`localhost:${issuerPort}`);
    const { NODE_EXTRA_CA_CERTS: _, ...untrusting } = settings;
    expect((await examine(untrusting)).output).toMatch(/FAIL Vital: .+UNABLE_TO_VERIFY_LEAF_SIGNATURE/);
  });
});

async function readJwksUrl(): Promise<string | undefined> {
  const response = await fetch(`${stack.issuer}/.well-known/openid-configuration`);
  return ((await response.json()) as { jwks_uri?: string }).jwks_uri;
}
