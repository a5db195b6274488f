import { Redis } from "ioredis";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { createCommandConnection } from "../../src/queue/redis-connection.js";
import { listRedisSecrets, parseRedisUrl, RedisUrlError } from "../../src/queue/redis-url.js";
import { runCli } from "../support/cli/run-cli.js";
import { createTestDatabase, createTestRedis, startOwnRedis } from "../support/services.js";
import { createTestCertificate, hasOpenssl, startTlsProxy } from "../support/tls.js";

const secret = "s3cret-Passw0rd";

describe("a Redis URL", () => {
  test.each([
    ["redis://cache", { host: "cache", port: 6379 }],
    ["redis://cache/", { host: "cache", port: 6379 }],
    ["REDIS://Cache.example.com:7000/3", { host: "Cache.example.com", port: 7000, db: 3 }],
    ["redis://:p@host:1", { host: "host", port: 1, password: "p" }],
    ["redis://vital:p@host", { host: "host", port: 6379, username: "vital", password: "p" }],
    [
      "redis://us%3Aer:a:b%40%2F%25%23%3F@h",
      { host: "h", port: 6379, username: "us:er", password: "a:b@/%#?" },
    ],
    ["redis://:%C3%A4%E2%82%AC@h", { host: "h", port: 6379, password: "ä€" }],
    ["redis://[::1]:6380/2", { host: "::1", port: 6380, db: 2 }],
    ["redis://:p@[fe80::1]", { host: "fe80::1", port: 6379, password: "p" }],
    ["rediss://:p@host:6380", { host: "host", port: 6380, password: "p", tls: {} }],
    ["unix:///run/redis.sock", { path: "/run/redis.sock" }],
    [
      "unix://u:p@/run/my%20redis.sock?db=4",
      { path: "/run/my redis.sock", username: "u", password: "p", db: 4 },
    ],
  ])("%s is parsed", (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  test.each([
    ["", /must have the format redis:/],
    ["cache:6379", /must have the format/],
    ["http://cache", /must have the format/],
    ["//cache", /must have the format/],
    [`redis://:${secret}%@host`, /write % as %25/],
    [`redis://:${secret}%zz@host`, /write % as %25/],
    [`redis://:${secret}%ff@host`, /write % as %25/],
    [`redis://:${secret}@${secret}@host`, /@ as %40/],
    [`redis://:${secret}/${secret}@host`, /\/ as %2F/],
    [`redis://:${secret}#${secret}@host`, /# as %23/],
    [`redis://:${secret}?${secret}@host`, /\? as %3F/],
    [`redis://:${secret} x@host`, /percent-encode/],
    ["redis://:<password>@host", /placeholder/],
    ["redis://user:${REDIS_PASSWORD}@host", /placeholder/],
    [`redis://${secret}@host`, /without a password/],
    ["redis://user:@host", /without a password/],
    [`redis://:${secret}@host/vital`, /number of a database/],
    [`redis://:${secret}@host/0/1`, /number of a database/],
    [`redis://:${secret}@host/-1`, /number of a database/],
    [`redis://:${secret}@host/1.5`, /number of a database/],
    [`redis://:${secret}@host?keyPrefix=x`, /not supported \(keyPrefix\)/],
    [`redis://:${secret}@host/0?maxRetriesPerRequest=1&db=2`, /\(maxRetriesPerRequest, db\)/],
    [`redis://:${secret}@host?`, /options after \?/],
    [`redis://:${secret}@host?db=1`, /\(db\)/],
    [`redis://:${secret}@host#x`, /contains a #/],
    [`redis://:${secret}@`, /must name a host/],
    [`redis://:${secret}@:6379`, /must name a host/],
    [`redis://:${secret}@ho st`, /must name a host/],
    [`redis://:${secret}@host:`, /port/],
    [`redis://:${secret}@host:0`, /port/],
    [`redis://:${secret}@host:65536`, /port/],
    [`redis://:${secret}@host:port`, /port/],
    [`redis://:${secret}@a:1,b:2`, /several addresses/],
    [`redis://:${secret}@::1`, /brackets/],
    [`redis://:${secret}@[::zz]`, /not an IPv6 address/],
    [`unix://:${secret}@run/redis.sock`, /must have the format/],
    [`unix://:${secret}@/run/redis.sock?db=x`, /number of a database/],
    [`unix://:${secret}@/run/redis.sock?keyPrefix=x`, /\(keyPrefix\)/],
  ])("%s is rejected with the reason, and without the password", (url, reason) => {
    let thrown: unknown;
    try {
      parseRedisUrl(url);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(RedisUrlError);
    expect((thrown as Error).message).toMatch(reason);
    expect((thrown as Error).message).not.toContain(secret);
  });

  test("lists its password in each form in which a log line could contain it", () => {
    expect(listRedisSecrets("redis://u:a%20b%2Fc@h")).toEqual([
      "redis://u:a%20b%2Fc@h",
      "a b/c",
      "a%20b%2Fc",
    ]);
    expect(listRedisSecrets("redis://h")).toEqual(["redis://h"]);
  });
});

async function ping(url: string): Promise<string> {
  const redis = createCommandConnection(url);
  onTestFinished(() => {
    redis.disconnect();
  });
  await new Promise((resolve, reject) => redis.once("ready", resolve).once("error", reject));
  return redis.ping();
}

test("a user whose name and password contain reserved characters signs in", async () => {
  const redis = await startOwnRedis();
  const admin = new Redis(redis.url);
  const [name, password] = ["vital:gate@way", "a:b@c/d%e?f#g é"];
  await admin.acl("SETUSER", name, "on", `>${password}`, "~*", "&*", "+@all");
  admin.disconnect();
  const credentials = `${encodeURIComponent(name)}:${encodeURIComponent(password)}`;
  expect(await ping(redis.url.replace("redis://", `redis://${credentials}@`))).toBe("PONG");
});

test("a Unix socket with a database serves commands", async () => {
  const { port, pathname } = new URL(await createTestRedis());
  const folder = mkdtempSync(join(tmpdir(), "vital-gateway-socket-"));
  const server = createServer((client) => {
    const service = createConnection({ port: Number(port), host: "127.0.0.1" });
    for (const socket of [client, service]) socket.on("error", () => undefined);
    client.pipe(service).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(join(folder, "redis.sock"), resolve));
  onTestFinished(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  expect(await ping(`unix://${folder}/redis.sock?db=${pathname.slice(1)}`)).toBe("PONG");
});

test.skipIf(!hasOpenssl)(
  "rediss:// with a private CA works with NODE_EXTRA_CA_CERTS, and names the reason without it",
  async () => {
    const certificate = createTestCertificate();
    const { port } = new URL(inject("redisUrl"));
    const tlsPort = await startTlsProxy(Number(port), certificate);
    const settings = {
      REDIS_URL: `rediss://127.0.0.1:${tlsPort}`,
      MONGODB_URL: createTestDatabase(),
      VITAL_API_KEY: "sk_us_test_key_0123456789",
      VITAL_API_URL: "http://127.0.0.1:1",
      AUTH_ISSUER: "http://127.0.0.1:1/issuer",
      AUTH_AUDIENCE: "api",
    };
    const checkRedis = async (more: Record<string, string>) => {
      const { stdout } = await runCli(["doctor", "--json"], { ...settings, ...more });
      const { findings } = JSON.parse(stdout) as {
        findings: { check: string; ok: boolean; detail: string }[];
      };
      return findings.find(({ check }) => check === "Redis");
    };
    expect(await checkRedis({ NODE_EXTRA_CA_CERTS: certificate.caPath })).toMatchObject({ ok: true });
    const untrusted = await checkRedis({});
    expect(untrusted).toMatchObject({ ok: false });
    expect(untrusted?.detail).toMatch(/certificate/);
  },
  60_000,
);
