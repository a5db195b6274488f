import { expect, test } from "vitest";
import { sendGraphql, appUser, startStack } from "../support/stack.js";
import { startOwnRedis, createTestDatabase } from "../support/services.js";

const redis = await startOwnRedis();
const stack = await startStack({ mongodbUrl: createTestDatabase(), redisUrl: redis.url });
const [one, other] = await Promise.all([stack.startReady("gateway"), stack.startReady("gateway")]);
await Promise.all([stack.startReady("worker"), stack.startReady("worker")]);

test("the same signup sent ten times by ten concurrent senders creates one Vital user", async () => {
  const appUserId = appUser();
  const sendTen = () =>
    Promise.all(Array.from({ length: 10 }, (_, index) => stack.publish(index % 2 ? one : other, appUserId)));
  const responses = (await Promise.all(Array.from({ length: 10 }, sendTen))).flat();
  expect(responses.map(({ status }) => status)).toEqual(Array(100).fill(202));
  await stack.whenActive([appUserId]);
  const users = await stack.vital.ledger([appUserId]);
  expect(users).toHaveLength(1);
  expect(await stack.findMapping(appUserId)).toMatchObject({ vitalUserId: users[0]?.vitalUserId });
});

test("two gateways that get a token request for the same new user at once create one Vital user and issue two tokens for it", async () => {
  const appUserId = appUser();
  const accessToken = await stack.signIn(appUserId);
  const responses = await Promise.all([sendGraphql(one, accessToken), sendGraphql(other, accessToken)]);
  const users = await stack.vital.ledger([appUserId]);
  expect(users).toHaveLength(1);
  const tokens = responses.map(({ data }) => data?.vitalSignInToken);
  expect(tokens.map((token) => token?.userId)).toEqual([users[0]?.vitalUserId, users[0]?.vitalUserId]);
  expect(new Set(tokens.map((token) => token?.signInToken)).size).toBe(2);
});
