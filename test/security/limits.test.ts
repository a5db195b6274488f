import { expect, test } from "vitest";
import { startOwnRedis } from "../support/services.js";
import { startStackForTest } from "../support/security/use-test-stack.js";
import { tokenMutation, type TestGateway } from "../support/security/test-stack.js";

async function askTimes(gateways: readonly TestGateway[], token: string, times: number) {
  const answers: Awaited<ReturnType<TestGateway["query"]>>[] = [];
  for (let index = 0; index < times; index += 1) {
    const gateway = gateways[index % gateways.length];
    if (gateway !== undefined) answers.push(await gateway.query(token, tokenMutation));
  }
  return answers;
}

const codesOf = (answers: Awaited<ReturnType<typeof askTimes>>) =>
  answers.map(({ body }) => body.errors?.[0]?.extensions.code ?? "issued");

test("a viewer who asks too often is refused over two gateways, and told when to come back", async () => {
  const stack = await startStackForTest();
  const settings = { GATEWAY_TOKENS_PER_MINUTE: "4" };
  const gateways = [await stack.startGateway(settings), await stack.startGateway(settings)];
  for (const gateway of gateways) await gateway.untilReady();

  const answers = await askTimes(gateways, stack.token("greedy"), 8);
  expect(codesOf(answers)).toEqual([
    ...Array<string>(4).fill("issued"),
    ...Array<string>(4).fill("RATE_LIMITED"),
  ]);
  const refused = answers.at(-1);
  expect(refused?.status).toBe(200);
  expect(refused?.body.data).toBeNull();
  expect(refused?.body.errors?.[0]?.extensions).toMatchObject({ retryable: true });
  const wait = refused?.body.errors?.[0]?.extensions.retryAfterSeconds;
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

test("the limit of a viewer holds in each gateway while Redis is away", async () => {
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

test("an address that fails to authenticate too often gets 429 before its next token is checked", async () => {
  const stack = await startStackForTest();
  const gateway = await stack.startGateway({ GATEWAY_AUTH_FAILURES_PER_MINUTE: "5" });
  await gateway.untilReady();
  const statuses: number[] = [];
  for (let index = 0; index < 5; index += 1) {
    statuses.push((await gateway.query(`guess-${index}`, tokenMutation)).status);
  }
  expect(statuses).toEqual(Array(5).fill(401));
  const refused = await gateway.query(stack.token("honest"), tokenMutation);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(refused.body.errors?.[0]?.extensions).toMatchObject({ code: "RATE_LIMITED", retryable: true });
});

test("behind a trusted proxy the failures of one client leave another alone", async () => {
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

test("without a trusted proxy nobody escapes the limit by a header of their own", async () => {
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
