import { expect, test } from "vitest";
import { startOwnRedis } from "../support/services.js";
import { startStackForTest } from "../support/security/use-test-stack.js";
import { tokenMutation, type TestGateway } from "../support/security/test-stack.js";

async function askTimes(gateways: readonly TestGateway[], token: string, times: number) {
  const responses: Awaited<ReturnType<TestGateway["query"]>>[] = [];
  for (let index = 0; index < times; index += 1) {
    const gateway = gateways[index % gateways.length];
    if (gateway !== undefined) responses.push(await gateway.query(token, tokenMutation));
  }
  return responses;
}

const codesOf = (responses: Awaited<ReturnType<typeof askTimes>>) =>
  responses.map(({ body }) => body.errors?.[0]?.extensions.code ?? "issued");

test("a viewer who requests too often is rejected by both gateways, with the time to wait", async () => {
  const stack = await startStackForTest();
  const settings = { GATEWAY_TOKENS_PER_MINUTE: "4" };
  const gateways = [await stack.startGateway(settings), await stack.startGateway(settings)];
  for (const gateway of gateways) await gateway.untilReady();

  const responses = await askTimes(gateways, stack.token("greedy"), 8);
  expect(codesOf(responses)).toEqual([
    ...Array<string>(4).fill("issued"),
    ...Array<string>(4).fill("RATE_LIMITED"),
  ]);
  const rejected = responses.at(-1);
  expect(rejected?.status).toBe(200);
  expect(rejected?.body.data).toBeNull();
  expect(rejected?.body.errors?.[0]?.extensions).toMatchObject({ retryable: true });
  const wait = rejected?.body.errors?.[0]?.extensions.retryAfterSeconds;
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(60);

  expect(codesOf(await askTimes(gateways, stack.token("modest"), 1))).toEqual(["issued"]);
});

test("another access token of the same viewer does not lift the limit", async () => {
  const stack = await startStackForTest();
  const gateway = await stack.startGateway({ GATEWAY_TOKENS_PER_MINUTE: "1" });
  await gateway.untilReady();
  expect(codesOf(await askTimes([gateway], stack.token("u"), 1))).toEqual(["issued"]);
  expect(codesOf(await askTimes([gateway], stack.token("u"), 1))).toEqual(["RATE_LIMITED"]);
});

test("the limit of a viewer applies in each gateway while Redis is down", async () => {
  const redis = await startOwnRedis();
  const stack = await startStackForTest({ redisUrl: redis.url });
  const gateway = await stack.startGateway({ GATEWAY_TOKENS_PER_MINUTE: "3" });
  await gateway.untilReady();
  await redis.kill();
  expect(codesOf(await askTimes([gateway], stack.token("greedy"), 5))).toEqual([
    ...Array<string>(3).fill("issued"),
    ...Array<string>(2).fill("RATE_LIMITED"),
  ]);
});

test("an address that sends too many invalid tokens gets 429 for further ones, and its valid tokens are accepted", async () => {
  const stack = await startStackForTest();
  const gateway = await stack.startGateway({ GATEWAY_AUTH_FAILURES_PER_MINUTE: "5" });
  await gateway.untilReady();
  const statuses: number[] = [];
  for (let index = 0; index < 5; index += 1) {
    statuses.push((await gateway.query(`guess-${index}`, tokenMutation)).status);
  }
  expect(statuses).toEqual(Array(5).fill(401));
  const expired = { exp: Math.floor(Date.now() / 1000) - 3600 };
  const forged = stack.token("honest").replace(/\.[^.]+$/, `.${"A".repeat(86)}`);
  for (const token of ["guess", forged, stack.token("late", expired), stack.token("other", { aud: "x" })]) {
    expect((await gateway.query(token, tokenMutation)).status).toBe(429);
  }
  expect((await gateway.query(stack.token("honest"), tokenMutation)).body.data).toBeTruthy();
  const rejected = await gateway.query(forged, tokenMutation);
  expect(Number(rejected.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(rejected.body.errors?.[0]?.extensions).toMatchObject({ code: "RATE_LIMITED", retryable: true });
});

test("behind a trusted proxy the failures of one client do not affect another", async () => {
  const stack = await startStackForTest();
  const gateway = await stack.startGateway({
    GATEWAY_AUTH_FAILURES_PER_MINUTE: "2",
    GATEWAY_TRUST_PROXY: "true",
  });
  await gateway.untilReady();
  const ask = (address: string, token: string) =>
    gateway.post(
      { query: "{ viewer { id } }" },
      { authorization: `Bearer ${token}`, "x-forwarded-for": address },
    );
  const statuses: number[] = [];
  for (let index = 0; index < 3; index += 1) statuses.push((await ask("192.0.2.1", "guess")).status);
  expect(statuses).toEqual([401, 401, 429]);
  expect((await ask("192.0.2.2", stack.token("honest"))).status).toBe(200);
});

test("without a trusted proxy no client escapes the limit with a forged header", async () => {
  const stack = await startStackForTest();
  const gateway = await stack.startGateway({ GATEWAY_AUTH_FAILURES_PER_MINUTE: "2" });
  await gateway.untilReady();
  const statuses: number[] = [];
  for (let index = 0; index < 3; index += 1) {
    const headers = { authorization: "Bearer guess", "x-forwarded-for": `192.0.2.${index}` };
    statuses.push((await gateway.post({ query: "{ viewer { id } }" }, headers)).status);
  }
  expect(statuses).toEqual([401, 401, 429]);
});
