import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { platform } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { findFreePort } from "../../dev/embedded/ports.js";
import { waitUntil } from "../support/wait-until.js";
import { appUser, sendGraphql, startStack } from "../support/stack.js";
import { startOwnMongo, startOwnRedis, createTestDatabase } from "../support/services.js";

const redis = await startOwnRedis();
const stack = await startStack({ mongodbUrl: createTestDatabase(), redisUrl: redis.url });
const { settings } = stack;

/**
 * On an idle machine, a gateway should be ready within 1.5 s. On a shared machine, processor time is a better measure of
 * startup than elapsed time. It still varies, so the limit is twice as high.
 */
const maxStartupCpuMs = 2 * 1_500;
const maxReadyMs = 10_000;
const maxIdleMegabytes = 150;

/** Returns the processor time and the memory of a process (Linux only). */
function readUsage(pid: number): { cpuMs: number; megabytes: number } | null {
  if (platform() !== "linux") return null;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // Fields 14 and 15 of proc(5), in hundredths of a second.
  const [userTicks = 0, systemTicks = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { cpuMs: (userTicks + systemTicks) * 10, megabytes: Math.round(Number(kilobytes) / 1024) };
}

const readReadyReason = async (adminUrl: string) =>
  ((await (await fetch(`${adminUrl}/readyz`)).json()) as { reason?: string }).reason;

test(`a gateway starts with less than ${maxStartupCpuMs} ms of processor time and uses less than ${maxIdleMegabytes} MB when idle`, async () => {
  const startedAtMs = performance.now();
  const gateway = await stack.startReady("gateway");
  const readyMs = Math.round(performance.now() - startedAtMs);
  const { cpuMs } = readUsage(gateway.pid) ?? { cpuMs: 0 };
  await sendGraphql(gateway, await stack.signIn(appUser()));
  const { megabytes } = readUsage(gateway.pid) ?? { megabytes: 0 };

  process.stderr.write(
    `gateway: ready after ${readyMs} ms (${cpuMs} ms of processor time), idle in ${megabytes} MB\n`,
  );
  expect(cpuMs).toBeLessThan(maxStartupCpuMs);
  expect(readyMs).toBeLessThan(maxReadyMs);
  expect(megabytes).toBeLessThan(maxIdleMegabytes);
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
});

test("gateway and worker wait until MongoDB and Redis start, and then work without a restart", async () => {
  const [lateMongo, lateRedis] = await Promise.all([startOwnMongo(), startOwnRedis()]);
  await Promise.all([lateMongo.kill(), lateRedis.kill()]);
  const later = { MONGODB_URL: lateMongo.url, REDIS_URL: lateRedis.url };
  const [gateway, worker] = await Promise.all([stack.start("gateway", later), stack.start("worker", later)]);

  expect((await fetch(`${gateway.url}/livez`)).status).toBe(200);
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(503);
  expect(await readReadyReason(worker.adminUrl)).toContain("MongoDB");
  const appUserId = appUser();
  expect((await stack.publish(gateway, appUserId)).status).toBe(503);

  await lateMongo.start();
  await Promise.all([gateway.whenReady(20_000), worker.whenReady(20_000)]);
  expect((await stack.publish(gateway, appUserId)).status).toBe(202);
  await lateRedis.start();
  const isCreated = async () => (await stack.vital.ledger([appUserId])).length === 1;
  await waitUntil("the Vital user is created", isCreated, 30_000);
  await Promise.all([gateway.stop(), worker.stop()]);
}, 90_000);

test("a process whose API key belongs to another environment logs the reason and exits with 1", async () => {
  const gateway = await stack.startReady("gateway");
  await gateway.stop();
  const other = await stack.start("worker", { VITAL_API_KEY: "pk_us_0123456789abcdef" });
  expect(await other.exited).toMatchObject({ code: 1 });
  const line = other.lines().find((text) => text.includes("fatal: shutting down"));
  expect(line).toMatch(/sandbox/);
  expect(line).toMatch(/production/);
  expect(line).toMatch(/VITAL_API_KEY/);
});

test("all invalid settings are reported together, with exit code 1, before a port is opened", async () => {
  const occupied = createServer().listen(0, "127.0.0.1");
  await once(occupied, "listening");
  onTestFinished(() => void occupied.close());
  // This port is in use, so an attempt to open it would be reported.
  const GATEWAY_PORT = String((occupied.address() as AddressInfo).port);
  const { code, output } = await stack.run(["gateway"], {
    GATEWAY_PORT,
    VITAL_API_KEY: "secret-of-another-format",
    MONGODB_URL: "localhost",
    AUTH_PROVIDER: "auth1",
    GATEWAY_DEADLINE_MS: "soon",
    EVENTS_BEARER_TOKENS: "short",
  });
  expect(code).toBe(1);
  const invalid = [
    "VITAL_API_KEY",
    "MONGODB_URL",
    "REDIS_URL",
    "AUTH_PROVIDER",
    "AUTH_ISSUER",
    "GATEWAY_DEADLINE_MS",
  ];
  for (const name of [...invalid, "EVENTS_BEARER_TOKENS"]) expect(output).toContain(`${name}: `);
  expect(output).not.toContain("secret-of-another-format");
  expect(output).not.toMatch(/in use|\bat .*:\d+/);
});

test("a port that is in use is reported in one line, with exit code 1", async () => {
  const gateway = await stack.startReady("gateway");
  const { code, output } = await stack.run(["gateway"], {
    ...settings,
    GATEWAY_PORT: new URL(gateway.url).port,
  });
  expect(code).toBe(1);
  expect(output.split("\n").at(-1)).toMatch(/^port \d+ is in use; set GATEWAY_PORT/);
  await gateway.stop();
});

test.each([[["unknown"]], [["gateway", "--unknown"]], [["retry"]]])(
  "the arguments %j are a usage error with exit code 2",
  async (args) => {
    expect((await stack.run(args, settings)).code).toBe(2);
  },
);

test("on SIGTERM, gateway and worker exit with 0 within ten seconds, even with Redis down", async () => {
  const lostRedis = await startOwnRedis();
  const lost = { REDIS_URL: lostRedis.url };
  const running = await Promise.all([
    stack.startReady("gateway"),
    stack.startReady("worker"),
    stack.startReady("gateway", lost),
    stack.startReady("worker", lost),
  ]);
  await lostRedis.kill();
  const stopping = running.map(async (service) => {
    const startedAtMs = performance.now();
    service.kill("SIGTERM");
    const { code } = await service.exited;
    return { code, isInTime: performance.now() - startedAtMs < 10_000 };
  });
  expect(await Promise.all(stopping)).toEqual(running.map(() => ({ code: 0, isInTime: true })));
}, 60_000);

test("a stopped gateway has closed its port", async () => {
  const GATEWAY_PORT = String(await findFreePort());
  const gateway = await stack.startReady("gateway", { GATEWAY_PORT });
  await gateway.stop();
  await expect(fetch(`${gateway.url}/livez`)).rejects.toThrow();
});
