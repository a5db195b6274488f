import { connect } from "node:net";
import { expect, test } from "vitest";
import { readGatewayConfig } from "../../src/config/config.js";
import { ConfigError } from "../../src/config/settings-reader.js";
import { startServer } from "../support/http/test-server.js";

const request = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

/** Sends the requests on one connection, each after a pause. Returns what was received, and when the server closed. */
async function useConnection(url: string, pausesMs: readonly number[]) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let received = "";
  let lastByteAtMs = 0;
  socket.on("data", (chunk) => {
    received += String(chunk);
    lastByteAtMs = performance.now();
  });
  const closed = new Promise((resolve) => socket.on("close", resolve));
  for (const pauseMs of pausesMs) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (!socket.destroyed) socket.write(request);
  }
  await closed;
  return { received, idleMs: performance.now() - lastByteAtMs };
}

test("an idle connection stays open at least as long as Keep-Alive says, and is closed soon afterwards", async () => {
  const { url } = await startServer({ keepAliveMs: 2_000 });
  // The second request is sent close to the end of the time that the server has promised.
  const { received, idleMs } = await useConnection(url, [0, 1_900]);
  expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  expect(received.match(/keep-alive: timeout=2\r/gi)).toHaveLength(2);
  expect(idleMs).toBeGreaterThanOrEqual(2_000);
  expect(idleMs).toBeLessThan(6_000);
});

test("a connection that waits for its next request is not limited by the time for one request", async () => {
  const { url } = await startServer({ keepAliveMs: 2_000, longestArrivalMs: 300 });
  const { received } = await useConnection(url, [0, 1_700]);
  expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
});

test("closing ends idle connections immediately, however long they may stay open", async () => {
  const { url, app } = await startServer({ keepAliveMs: 620_000 });
  const connection = useConnection(url, [0]);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const startedAtMs = performance.now();
  await app.close();
  expect((await connection).received).toMatch(/keep-alive: timeout=620/i);
  expect(performance.now() - startedAtMs).toBeLessThan(1_000);
});

test("GATEWAY_KEEP_ALIVE_SECONDS is longer than the idle timeout of every common load balancer by default", () => {
  const base = {
    VITAL_API_KEY: "sk_us_test_key",
    MONGODB_URL: "mongodb://127.0.0.1/x",
    REDIS_URL: "redis://127.0.0.1",
    AUTH_ISSUER: "https://issuer.example",
    AUTH_AUDIENCE: "api",
  };
  expect(readGatewayConfig(base).keepAliveSeconds).toBe(620);
  expect(readGatewayConfig({ ...base, GATEWAY_KEEP_ALIVE_SECONDS: "75" }).keepAliveSeconds).toBe(75);
  for (const value of ["0", "-1", "1.5", "10m"]) {
    expect(() => readGatewayConfig({ ...base, GATEWAY_KEEP_ALIVE_SECONDS: value })).toThrow(ConfigError);
  }
});
