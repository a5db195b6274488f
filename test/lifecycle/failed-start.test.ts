import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { findFreePort } from "../../dev/embedded/ports.js";
import { readGatewayConfig, readWorkerConfig } from "../../src/config/config.js";
import { startGateway } from "../../src/gateway.js";
import { startWorker } from "../../src/worker.js";
import { waitUntil } from "../support/wait-until.js";
import { createTestDatabase, createTestRedis } from "../support/services.js";

/** Listens on a free port and returns it, so that it is in use. */
async function occupyPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const createSettings = async (settings: Record<string, string>) => ({
  VITAL_API_KEY: "sk_us_0123456789",
  VITAL_API_URL: "http://127.0.0.1:1",
  MONGODB_URL: createTestDatabase(),
  REDIS_URL: await createTestRedis(),
  AUTH_ISSUER: "http://127.0.0.1:1",
  AUTH_AUDIENCE: "gateway",
  GATEWAY_HOST: "127.0.0.1",
  LOG_LEVEL: "silent",
  ...settings,
});

const lifecycle = { isStopping: () => false, fail: () => undefined, run: () => undefined };

/** Counts the resources that keep this process running, by kind: servers, connections, timers. */
function countHandles(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (/^(TCP|Timeout|Immediate|GetAddrInfo|DNS|TLS)/i.test(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Runs `start`, which fails because a port is in use, and waits until it has left nothing open. */
async function expectCleanFailure(port: number, start: () => Promise<unknown>): Promise<void> {
  const before = countHandles();
  await expect(start()).rejects.toMatchObject({ code: "EADDRINUSE", port });
  await waitUntil("nothing is left open", () => {
    const after = countHandles();
    return Object.entries(after).every(([kind, count]) => count <= (before[kind] ?? 0));
  });
}

test("a gateway whose public port is in use closes everything before it fails", async () => {
  const taken = await occupyPort();
  const config = readGatewayConfig(await createSettings({ GATEWAY_PORT: String(taken), ADMIN_PORT: "0" }));
  await expectCleanFailure(taken, () => startGateway(config, lifecycle));
});

test("a gateway whose admin port is in use closes its public port and its connections before it fails", async () => {
  const [taken, free] = [await occupyPort(), await findFreePort()];
  const ports = { GATEWAY_PORT: String(free), ADMIN_PORT: String(taken) };
  const config = readGatewayConfig(await createSettings(ports));
  await expectCleanFailure(taken, () => startGateway(config, lifecycle));
  await expect(fetch(`http://127.0.0.1:${free}/livez`)).rejects.toThrow();
});

test("a worker whose admin port is in use closes its connections before it fails", async () => {
  const taken = await occupyPort();
  const config = readWorkerConfig(await createSettings({ ADMIN_PORT: String(taken) }));
  await expectCleanFailure(taken, () => startWorker(config, lifecycle));
});
