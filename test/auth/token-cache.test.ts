import { expect, test } from "vitest";
import { toAppUserId } from "../../src/core/mapping/app-user-id.js";
import type { KeySet } from "../../src/auth/keys/key-set.js";
import type { SigningKey } from "../../src/auth/keys/signing-keys.js";
import { createTokenCache } from "../../src/auth/tokens/token-cache.js";
import type { VerifiedToken } from "../../src/auth/tokens/verify-token.js";
import { createManualClock } from "../support/manual-clock.js";
import { createTestKey } from "../support/auth/tokens.js";

const key: SigningKey = {
  kid: "k1",
  algorithm: "ES256",
  key: createTestKey("k1", "ES256").privateKey,
  publicKey: "",
  material: "",
};

function startTest(maxTokens: number) {
  const clock = createManualClock();
  let isKeyCurrent = true;
  const keySet: KeySet = {
    find: () => Promise.resolve({ key }),
    isCurrent: () => isKeyCurrent,
    start: () => undefined,
    refresh: () => Promise.resolve(),
    close: () => Promise.resolve(),
    status: () => ({ issuer: "x", keys: 1, succeededAt: null, problem: null, fix: null }),
  };
  const appUserId = toAppUserId("user-1");
  if (appUserId === null) throw new Error("not an app user id");
  const tokenFor = (lifetimeMs: number): VerifiedToken => ({
    appUserId,
    validUntilMs: clock.now().getTime() + lifetimeMs,
    key,
    keySet,
  });
  const dropKey = () => {
    isKeyCurrent = false;
  };
  return { clock, tokens: createTokenCache({ maxTokens, now: clock.now }), tokenFor, dropKey };
}

test("a token is cached for at most a minute", () => {
  const { tokens, tokenFor, clock } = startTest(10);
  tokens.add("one", tokenFor(3_600_000));
  clock.advance(59_999);
  expect(tokens.find("one")).not.toBeNull();
  clock.advance(1);
  expect(tokens.find("one")).toBeNull();
  expect(tokens.size()).toBe(0);
});

test("a token is not cached beyond its expiry", () => {
  const { tokens, tokenFor, clock } = startTest(10);
  tokens.add("one", tokenFor(5000));
  clock.advance(5000);
  expect(tokens.find("one")).toBeNull();
});

test("a token is dropped together with its key", () => {
  const { tokens, tokenFor, dropKey } = startTest(10);
  tokens.add("one", tokenFor(5000));
  dropKey();
  expect(tokens.find("one")).toBeNull();
});

test("the least recently used token is evicted", () => {
  const { tokens, tokenFor } = startTest(2);
  tokens.add("one", tokenFor(5000));
  tokens.add("two", tokenFor(5000));
  tokens.find("one");
  tokens.add("three", tokenFor(5000));
  expect(["one", "two", "three"].map((name) => tokens.find(name) !== null)).toEqual([true, false, true]);
  for (let index = 0; index < 1000; index += 1) tokens.add(`more-${index}`, tokenFor(5000));
  expect(tokens.size()).toBe(2);
});

test("the cache key does not contain the token, and a cache of size 0 stores nothing", () => {
  const { tokens, tokenFor } = startTest(0);
  expect(tokens.toKey("header.claims.signature")).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  tokens.add("one", tokenFor(5000));
  expect(tokens.size()).toBe(0);
});
