import { randomUUID } from "node:crypto";
import { test } from "vitest";
import { mappingCollection, type MappingDocument } from "../../src/mongo/mapping-document.js";
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

const users = [
  ["an app user", appUser()],
  ["an app user whose id has slashes", appUser(`tenants/7/${randomUUID()}/ada?=%2F`)],
] as const;

test.concurrent.for(users)(
  "deleting %s deletes the Vital user, leaves a tombstone and prevents new tokens",
  { timeout: 90_000 },
  async ([, appUserId], { expect }) => {
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
  },
);

test.concurrent(
  "a deletion ends whose client user id, stored by an earlier version, has a slash",
  { timeout: 90_000 },
  async ({ expect }) => {
    const appUserId = appUser("tenants/7/users/ada");
    const at = new Date(Date.now() - 86_400_000);
    // The Vital user is deleted, but every lookup since then has failed.
    const due = { nextSweepAt: at, sweeps: 5, attempts: 900, generation: 4, revision: 950 };
    const dates = { requestedAt: at, deletingAt: at, updatedAt: at };
    const deployment = { environment: "sandbox", region: "us" } as const;
    await stack.mongo.collection<MappingDocument>(mappingCollection).insertOne({
      _id: appUserId,
      clientUserId: appUserId,
      state: "deleting",
      ...deployment,
      ...dates,
      ...due,
      lastEvent: { id: "evt_1", type: "user.deleted", at },
    });
    const isFinal = async () => (await stack.findMapping(appUserId))?.state === "deleted";
    await waitUntil("the deletion is final", isFinal, 30_000);
    const users = (await stack.vital.ledger()).filter(({ clientUserId }) => clientUserId === appUserId);
    expect(users.filter(({ deletedAt }) => deletedAt === null)).toEqual([]);
  },
);
