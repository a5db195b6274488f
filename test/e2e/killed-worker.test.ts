import { expect, test } from "vitest";
import { waitUntil } from "../support/wait-until.js";
import { appUser, startStack } from "../support/stack.js";
import { startOwnRedis, createTestDatabase } from "../support/services.js";

const redis = await startOwnRedis();
const stack = await startStack({ mongodbUrl: createTestDatabase(), redisUrl: redis.url });
const gateway = await stack.startReady("gateway");

test("when a worker is killed during 200 signups, no user is lost or duplicated", async () => {
  const users = Array.from({ length: 200 }, () => appUser());
  // Slow enough that the worker is killed with creates in flight.
  await stack.vital.fault({ operation: "create-user", kind: "delay", delayMs: 150 });
  const victim = await stack.startReady("worker", { WORKER_CONCURRENCY: "10" });
  const responses = await Promise.all(users.map((appUserId) => stack.publish(gateway, appUserId)));
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([202]));

  await waitUntil("some users are created", async () => (await stack.vital.ledger()).length >= 20);
  victim.kill("SIGKILL");
  expect(await victim.exited).toMatchObject({ signal: "SIGKILL" });
  expect((await stack.vital.ledger()).length).toBeLessThan(200);

  await stack.startReady("worker");
  await stack.whenActive(users, 60_000);
  const ledger = await stack.vital.ledger(users);
  expect(ledger.map(({ clientUserId }) => clientUserId).sort()).toEqual([...users].sort());
}, 90_000);
