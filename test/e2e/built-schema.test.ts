import { buildClientSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from "graphql";
import type { IntrospectionQuery } from "graphql";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { appUser, startStack } from "../support/stack.js";
import { startOwnRedis, createTestDatabase } from "../support/services.js";

const redis = await startOwnRedis();
const stack = await startStack({ mongodbUrl: createTestDatabase(), redisUrl: redis.url });

test("a built gateway serves the committed schema, without names changed by the build", async () => {
  const gateway = await stack.startReady("gateway", { GATEWAY_INTROSPECTION: "true" });
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${await stack.signIn(appUser())}` },
    body: JSON.stringify({ query: getIntrospectionQuery({ specifiedByUrl: true }) }),
  });
  const { data } = (await response.json()) as { data: IntrospectionQuery };
  const committed = await readFile(new URL("../../schema/schema.graphql", import.meta.url), "utf8");
  expect(printSchema(lexicographicSortSchema(buildClientSchema(data))).trim()).toBe(committed.trim());
});
