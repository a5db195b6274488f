import { readFileSync } from "node:fs";
import { graphql } from "graphql";
import { describe, expect, test } from "vitest";
import { buildGraphqlSchema, printGraphqlSchema } from "../../schema/schema.js";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import type { Mapping, MappingState } from "../../src/core/mapping/mapping.js";

const build = (mapping: Mapping | null = null) =>
  buildGraphqlSchema({
    signInTokens: { issue: () => Promise.reject(new Error("not asked for")) },
    mappings: { find: () => Promise.resolve(mapping) },
  });

const findVitalUser = async (mapping: Mapping | null) => {
  const contextValue = { viewer: { appUserId: "u1" as AppUserId }, requestId: "r1" };
  const source = "{ viewer { vitalUser { id state environment region activatedAt } } }";
  const { data, errors } = await graphql({ schema: build(mapping), source, contextValue });
  expect(errors).toBeUndefined();
  return (data as { viewer: { vitalUser: unknown } }).viewer.vitalUser;
};

test("the committed schema is up to date (npm run schema writes it)", () => {
  const committed = readFileSync(new URL("../../schema/schema.graphql", import.meta.url), "utf8");
  expect(printGraphqlSchema(build())).toBe(committed);
});

describe("the viewer's Vital user", () => {
  const activatedAt = new Date("2026-11-22T10:00:00Z");
  const mappingIn = (state: MappingState) =>
    ({ state, vitalUserId: "v1", environment: "sandbox", region: "us", activatedAt }) as unknown as Mapping;

  test("is null until provisioning is requested", async () => {
    expect(await findVitalUser(null)).toBeNull();
  });

  test.each([
    ["pending", "PENDING"],
    ["active", "ACTIVE"],
    ["failed", "FAILED"],
    ["deleting", "DELETED"],
    ["deleted", "DELETED"],
  ] as const)("that is %s is shown as %s, with its id only while it is active", async (state, shown) => {
    const isActive = state === "active";
    expect(await findVitalUser(mappingIn(state))).toEqual({
      id: isActive ? "v1" : null,
      state: shown,
      environment: "SANDBOX",
      region: "US",
      activatedAt: isActive ? activatedAt : null,
    });
  });
});
