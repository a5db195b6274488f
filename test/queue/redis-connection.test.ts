import { expect, onTestFinished, test } from "vitest";
import { createCommandConnection } from "../../src/queue/redis-connection.js";
import { waitUntil } from "../support/wait-until.js";
import { createTestRedis } from "../support/services.js";
import { startFlakyProxy } from "../support/queue/flaky-proxy.js";

test("a connection whose other end has disappeared silently is replaced", async () => {
  const proxy = await startFlakyProxy(await createTestRedis());
  const redis = createCommandConnection(proxy.url);
  onTestFinished(() => {
    redis.disconnect();
  });
  await waitUntil("Redis responds", () => redis.status === "ready");
  await redis.ping();
  proxy.loseAll();
  await expect(redis.ping()).rejects.toThrow();
  const responds = () =>
    redis.ping().then(
      () => true,
      () => false,
    );
  await waitUntil("Redis responds again", responds, 10_000);
}, 15_000);
