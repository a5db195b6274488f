import { Redis } from "ioredis";
import { expect, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { waitUntil } from "../support/wait-until.js";
import { appUser, sendGraphql, errorCode, startStack } from "../support/stack.js";
import { startOwnMongo, startOwnRedis } from "../support/services.js";

const [mongo, redis] = await Promise.all([startOwnMongo(), startOwnRedis()]);
const stack = await startStack({ mongodbUrl: mongo.url, redisUrl: redis.url });
const [gateway] = await Promise.all([stack.startReady("gateway"), stack.startReady("worker")]);

const createUsers = (count: number): AppUserId[] => Array.from({ length: count }, () => appUser());

async function publishAll(appUserIds: readonly AppUserId[]): Promise<number[]> {
  const responses = await Promise.all(appUserIds.map((appUserId) => stack.publish(gateway, appUserId)));
  return responses.map(({ status }) => status);
}

async function expectOneVitalUserEach(appUserIds: readonly AppUserId[]): Promise<void> {
  const users = await stack.vital.ledger(appUserIds);
  expect(users.map(({ clientUserId }) => clientUserId).sort()).toEqual([...appUserIds].sort());
}

test("without Redis, events are acknowledged and tokens issued, and all mappings become active after Redis has restarted", async () => {
  const [early, late, caller] = [createUsers(15), createUsers(15), appUser()];
  const accessToken = await stack.signIn(caller);
  await redis.kill();

  expect(await publishAll(early)).toEqual(early.map(() => 202));
  expect((await sendGraphql(gateway, accessToken)).data?.vitalSignInToken?.signInToken).toBeTypeOf("string");

  await redis.start();
  expect(await publishAll(late)).toEqual(late.map(() => 202));
  const all = [...early, ...late, caller];
  await stack.whenActive(all, 60_000);
  await expectOneVitalUserEach(all);
}, 90_000);

test("the mappings of all acknowledged events become active even when Redis is flushed", async () => {
  const users = createUsers(60);
  const client = new Redis(redis.url);
  // Slow enough that most jobs are still in Redis when it is flushed.
  await stack.vital.fault({ operation: "create-user", kind: "delay", delayMs: 500 });
  try {
    const published = publishAll(users);
    await client.flushall();
    expect(await published).toEqual(users.map(() => 202));
    await client.flushall();
  } finally {
    client.disconnect();
  }
  await stack.whenActive(users, 60_000);
  await stack.vital.clearFaults();
  await expectOneVitalUserEach(users);
}, 90_000);

test("without MongoDB, events get 503 with Retry-After and token requests a typed error, and both recover without a restart", async () => {
  const [appUserId, caller] = [appUser(), appUser()];
  const accessToken = await stack.signIn(caller);
  await mongo.kill();

  const refusal = await fetch(`${gateway.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${stack.secrets.bearerToken}` },
    body: JSON.stringify({
      type: "user.created",
      timestamp: new Date().toISOString(),
      data: { id: appUserId },
    }),
  });
  expect(refusal.status).toBe(503);
  expect(Number(refusal.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refusal.json()).toMatchObject({ code: "SERVICE_UNAVAILABLE" });

  const response = await sendGraphql(gateway, accessToken);
  expect(response).toMatchObject({ status: 200, data: null });
  expect(response.errors?.[0]?.extensions).toMatchObject({ code: "SERVICE_UNAVAILABLE", retryable: true });
  expect(response.errors?.[0]?.extensions.retryAfterSeconds).toBeGreaterThan(0);

  await mongo.start();
  const isAccepted = async () => (await stack.publish(gateway, appUserId)).status === 202;
  await waitUntil("the event is accepted", isAccepted, 30_000);
  const isIssued = async () => errorCode(await sendGraphql(gateway, accessToken)) === null;
  await waitUntil("the token is issued", isIssued, 30_000);
  await stack.whenActive([appUserId, caller], 60_000);
  await expectOneVitalUserEach([appUserId, caller]);
}, 90_000);
