import { expect, onTestFinished, test } from "vitest";
import { createCommandConnection } from "../../src/queue/redis-connection.js";
import { waitUntil } from "../support/wait-until.js";
import { createTestRedis } from "../support/services.js";
import { startLosingLink } from "../support/queue/losing-link.js";

test("a connection whose other end has vanished without a word is replaced", async () => {
  const link = await startLosingLink(await createTestRedis());
  const redis = createCommandConnection(link.url);
  onTestFinished(() => {
    redis.disconnect();
  });
  await waitUntil("Redis answers", () => redis.status === "ready");
  await redis.ping();
  link.loseAll();
  await expect(redis.ping()).rejects.toThrow();
  const answers = () =>
    redis.ping().then(
      () => true,
      () => false,
    );
  await waitUntil("Redis answers again", answers, 10_000);
}, 15_000);
