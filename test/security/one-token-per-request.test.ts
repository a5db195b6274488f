import { expect, test } from "vitest";
import { startStackForTest } from "../support/security/use-test-stack.js";
import type { TestStack } from "../support/security/test-stack.js";

const tokenPath = "/v2/user/:user_id/sign_in_token";
const call = (alias: string) => `${alias}: vitalSignInToken { signInToken }`;
const times = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => write(i));

/** Documents that ask for the token more than once, and how many calls to Vital each may cause. */
const greedy: Record<string, { query: string; calls: number }> = {
  "a thousand aliases": { query: `mutation { ${times(1000, (i) => call(`a${i}`)).join(" ")} }`, calls: 0 },
  "two aliases": { query: `mutation { ${call("a")} ${call("b")} }`, calls: 0 },
  "a thousand aliases in one fragment": {
    query: `mutation { ...F } fragment F on Mutation { ${times(1000, (i) => call(`a${i}`)).join(" ")} }`,
    calls: 0,
  },
  "six hundred fragments of one alias each": {
    query: `mutation { ${times(600, (i) => `...F${i}`).join(" ")} } ${times(
      600,
      (i) => `fragment F${i} on Mutation { ${call(`a${i}`)} }`,
    ).join(" ")}`,
    calls: 0,
  },
  "two fragments of one alias each": {
    query: `mutation { ...A ...B } fragment A on Mutation { ${call("a")} } fragment B on Mutation { ${call("b")} }`,
    calls: 0,
  },
  "aliases in nested inline fragments": {
    query: `mutation { ... on Mutation { ... { ${call("a")} } } ... @include(if: true) { ${call("b")} } }`,
    calls: 0,
  },
  "ninety fields of one name, a hundred and eighty selections": {
    query: `mutation { ${times(90, () => "vitalSignInToken { signInToken }").join(" ")} }`,
    calls: 0,
  },
  "the same field forty times": {
    query: `mutation { ${times(40, () => "vitalSignInToken { signInToken }").join(" ")} }`,
    calls: 1,
  },
};

async function startWarm(): Promise<{
  stack: TestStack;
  token: string;
  send: (body: unknown) => Promise<Response>;
}> {
  const stack = await startStackForTest();
  const gateway = await stack.startGateway({ GATEWAY_TOKENS_PER_MINUTE: "0" });
  await gateway.untilReady();
  const token = stack.token("user-1");
  const send = (body: unknown) => gateway.post(body, { authorization: `Bearer ${token}` });
  const first = (await (await send({ query: `mutation { ${call("first")} }` })).json()) as { data?: unknown };
  expect(first.data).toBeTruthy();
  return { stack, token, send };
}

test("one request never issues more than one token, whatever its document selects", async () => {
  const { stack, send } = await startWarm();
  let before = await stack.countCalls(tokenPath);
  for (const [name, { query, calls }] of Object.entries(greedy)) {
    const response = await send({ query });
    const body = (await response.json()) as { errors?: { extensions: { code: string } }[] };
    const after = await stack.countCalls(tokenPath);
    expect({ name, calls: after - before }).toEqual({ name, calls });
    if (calls === 0) {
      expect({ name, code: body.errors?.[0]?.extensions.code }).toEqual({
        name,
        code: expect.stringMatching(/^GRAPHQL_(VALIDATION|PARSE)_FAILED$/) as string,
      });
    }
    before = after;
  }
});

test("a batch of operations in one request issues no token", async () => {
  const { stack, send } = await startWarm();
  const before = await stack.countCalls(tokenPath);
  const response = await send(times(10, (i) => `mutation { ${call(`a${i}`)} }`).map((query) => ({ query })));
  expect(response.status).toBe(400);
  expect(await stack.countCalls(tokenPath)).toBe(before);
});

test("of several operations in a document only the one with the requested name runs", async () => {
  const { stack, send } = await startWarm();
  const before = await stack.countCalls(tokenPath);
  const query = times(5, (i) => `mutation M${i} { vitalSignInToken { signInToken } }`).join(" ");
  expect(((await (await send({ query })).json()) as { errors: unknown[] }).errors).toHaveLength(1);
  expect(await stack.countCalls(tokenPath)).toBe(before);
  await send({ query, operationName: "M3" });
  expect(await stack.countCalls(tokenPath)).toBe(before + 1);
});

test("no argument, variable or header makes the gateway issue a token for another user", async () => {
  const { stack, send } = await startWarm();
  const before = await stack.countCalls("/v2/user");
  const bodies = [
    { query: 'mutation { vitalSignInToken(userId: "user-2") { userId } }' },
    { query: 'mutation { vitalSignInToken(appUserId: "user-2") { userId } }' },
    { query: 'query { viewer(id: "user-2") { id } }' },
  ];
  for (const body of bodies) {
    const result = (await (await send(body)).json()) as { data?: unknown; errors: unknown[] };
    expect(result.data).toBeUndefined();
    expect(result.errors.length).toBeGreaterThan(0);
  }
  const named = await send({
    query: "query ($userId: ID) { viewer { id } }",
    variables: { userId: "user-2", sub: "user-2" },
  });
  expect(JSON.stringify(await named.json())).not.toContain('"user-2"');
  expect(await stack.countCalls("/v2/user")).toBe(before);
});
