import { Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";
import { aclRules } from "../../src/cli/doctor/redis-permissions.js";
import { createTestDatabase, startOwnRedis } from "../support/services.js";
import { appUser, sendGraphql, startStack } from "../support/stack.js";
import { createTestCertificate, hasOpenssl, startTlsProxy } from "../support/tls.js";
import { waitUntil } from "../support/wait-until.js";

const redis = await startOwnRedis();
const admin = new Redis(redis.url);
afterAll(() => {
  admin.disconnect();
});
await admin.acl("SETUSER", "vital", "reset", "on", ">secret-of-vital", ...aclRules);
const stack = await startStack({
  mongodbUrl: createTestDatabase(),
  redisUrl: redis.url.replace("redis://", "redis://vital:secret-of-vital@"),
});

type Finding = { check: string; ok: boolean; detail: string; fix?: string };

async function examine(redisUrl?: string): Promise<Finding[]> {
  const settings = { ...stack.settings, ...(redisUrl !== undefined && { REDIS_URL: redisUrl }) };
  const { output } = await stack.run(["doctor", "--json"], settings);
  const { findings } = JSON.parse(output.slice(output.indexOf("{"))) as { findings: Finding[] };
  return findings.filter(({ check }) => check.startsWith("Redis"));
}

test("the permissions that doctor names are enough for the gateway, the worker and doctor", async () => {
  const [gateway, worker] = [await stack.startReady("gateway"), await stack.startReady("worker")];
  const user = appUser();
  expect((await stack.publish(gateway, user)).status).toBe(202);
  await stack.whenActive([user]);
  const { data } = await sendGraphql(gateway, await stack.signIn(user));
  expect(data?.vitalSignInToken?.signInToken).toBeTypeOf("string");
  await stack.publish(gateway, user, "user.deleted");
  await waitUntil("the user is deleted", async () => {
    const users = await stack.vital.ledger([user]);
    return users.length === 1 && users[0]?.deletedAt !== null;
  });
  expect((await examine()).filter(({ ok }) => !ok)).toEqual([]);
  for (const { lines } of [gateway, worker]) expect(lines().join("\n")).not.toMatch(/NOPERM|refuse/);
  // No command was refused, not even one whose failure would have been invisible.
  expect(await admin.acl("LOG")).toEqual([]);
}, 60_000);

test.each([
  ["a command", ["-bzpopmin"], ["BZPOPMIN"]],
  ["scripts", ["-@scripting"], ["EVAL", "EVALSHA"]],
  ["INFO", ["-info"], ["INFO"]],
  ["the keys", ["resetkeys", "~other:*"], ["DEL", "ZADD"]],
  ["the channels", ["resetchannels"], ["PUBLISH", "SUBSCRIBE"]],
])(
  "doctor names the commands of a user without %s, and the line that grants them",
  async (_, rules, names) => {
    await admin.acl("SETUSER", "limited", "reset", "on", ">secret-of-limited", ...aclRules, ...rules);
    const findings = await examine(redis.url.replace("redis://", "redis://limited:secret-of-limited@"));
    const [problem, ...others] = findings.filter(({ ok }) => !ok);
    expect(others).toEqual([]);
    expect(problem?.check).toBe("Redis commands");
    for (const name of names) expect(problem?.detail).toContain(name);
    expect(problem?.fix).toContain(`ACL SETUSER limited ${aclRules.join(" ")}`);
  },
);

test("doctor names a replica, a full server and a cluster node", async () => {
  const [replica, full, node] = await Promise.all([
    startOwnRedis("--replicaof", "127.0.0.1", new URL(redis.url).port),
    startOwnRedis("--maxmemory", "1"),
    startOwnRedis("--cluster-enabled", "yes", "--databases", "1"),
  ]);
  const problems = async (url: string) =>
    (await examine(url)).filter(({ ok }) => !ok).map(({ check, fix }) => `${check}: ${fix ?? ""}`);
  expect((await problems(replica.url)).join("\n")).toMatch(
    /Redis role: .*primary[^]*Redis commands: .*replica/,
  );
  expect((await problems(full.url)).join("\n")).toMatch(/Redis memory: [^]*Redis commands: raise maxmemory/);
  expect((await problems(node.url)).join("\n")).toMatch(/Redis mode: [^]*Redis commands: .*Cluster/);
}, 60_000);

test.runIf(hasOpenssl)(
  "doctor names the reason why it cannot connect, and what to change in REDIS_URL",
  async () => {
    const tlsPort = await startTlsProxy(Number(new URL(redis.url).port), createTestCertificate());
    const withPassword = await startOwnRedis();
    const administrator = new Redis(withPassword.url);
    await administrator.config("SET", "requirepass", "secret-of-redis");
    administrator.disconnect();
    const cases: [string, RegExp][] = [
      [redis.url.replace("redis://", "redis://vital:wrong@"), /WRONGPASS.*USER:PASSWORD/],
      [withPassword.url, /NOAUTH.*set the password/],
      [redis.url.replace("redis://", "rediss://"), /running, and use redis:\/\//],
      [`redis://127.0.0.1:${tlsPort}`, /use rediss:\/\//],
      [`rediss://127.0.0.1:${tlsPort}`, /certificate.*NODE_EXTRA_CA_CERTS/],
      ["redis://redis.invalid", /ENOTFOUND.*does not resolve/],
      ["redis://127.0.0.1:1", /ECONNREFUSED.*that Redis is running/],
      ["unix:///nowhere/redis.sock", /ENOENT.*that Redis is running/],
    ];
    for (const [url, expected] of cases) {
      const problems = (await examine(url)).filter(({ ok }) => !ok);
      expect(problems.map(({ detail, fix }) => `${detail} ${fix ?? ""}`).join("\n")).toMatch(expected);
      expect(JSON.stringify(problems)).not.toMatch(/secret-of|wrong@/);
    }
  },
  60_000,
);
