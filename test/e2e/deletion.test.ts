import { expect, test } from "vitest";
import { waitUntil } from "../support/wait-until.js";
import { appUser, sendGraphql, errorCode, startStack } from "../support/stack.js";
import { startOwnRedis, createTestDatabase } from "../support/services.js";

const redis = await startOwnRedis();
// A deletion becomes final when no late create can arrive any more. That time depends on VITAL_TIMEOUT_MS.
const stack = await startStack({
  mongodbUrl: createTestDatabase(),
  redisUrl: redis.url,
  settings: { VITAL_TIMEOUT_MS: "1000" },
});
const [gateway] = await Promise.all([stack.startReady("gateway"), stack.startReady("worker")]);

test("deleting an app user deletes the Vital user, leaves a tombstone and prevents new tokens", async () => {
  const appUserId = appUser();
  const accessToken = await stack.signIn(appUserId);
  await stack.publish(gateway, appUserId);
  await stack.whenActive([appUserId]);
  expect(errorCode(await sendGraphql(gateway, accessToken))).toBeNull();

  expect((await stack.publish(gateway, appUserId, "user.deleted")).status).toBe(202);
  const refusal = await sendGraphql(gateway, accessToken);
  expect(refusal.errors?.[0]?.extensions).toMatchObject({ code: "FORBIDDEN", retryable: false });
  const isGone = async () =>
    (await stack.vital.ledger([appUserId])).every(({ deletedAt }) => deletedAt !== null);
  await waitUntil("the Vital user is deleted", isGone);

  const isFinal = async () => (await stack.findMapping(appUserId))?.state === "deleted";
  await waitUntil("the deletion is final", isFinal, 60_000);
  const tombstone = await stack.findMapping(appUserId);
  expect(tombstone).not.toHaveProperty("vitalUserId");
  expect(errorCode(await sendGraphql(gateway, accessToken))).toBe("FORBIDDEN");
  expect(await stack.vital.ledger([appUserId])).toHaveLength(1);
}, 90_000);
