import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { BearerError } from "../../src/auth/bearer-error.js";
import { ServiceError } from "../../src/core/errors.js";
import {
  createAuthFailureLimit,
  createTokenRateLimit,
  limitSignInTokens,
  type TokenRateLimit,
} from "../../src/http/rate-limits.js";
import { startOwnRedis, createTestRedis } from "../support/services.js";
import {
  codeOf,
  issuedToken,
  startServer,
  tokenMutation,
  type GraphqlBody,
} from "../support/http/test-server.js";

const userId = (text: string) => text as AppUserId;

async function connectTo(url: string) {
  const redis = new Redis(url, { enableOfflineQueue: false, lazyConnect: true, retryStrategy: () => 100 });
  redis.on("error", () => undefined);
  onTestFinished(() => {
    redis.disconnect();
  });
  await redis.connect();
  return redis;
}

/** Returns how many of `times` requests for a token are allowed, and how long the slowest took. */
async function consume(limit: TokenRateLimit, appUserId: AppUserId, times: number) {
  let allowed = 0;
  let slowestMs = 0;
  for (let i = 0; i < times; i += 1) {
    const startedAt = performance.now();
    await limit.consume(appUserId).then(
      () => (allowed += 1),
      (error: unknown) => {
        expect(error).toMatchObject({ code: "RATE_LIMITED" });
      },
    );
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
  }
  return { allowed, slowestMs };
}

describe("sign-in tokens per viewer", () => {
  test("are limited across all gateways, separately for each viewer", async () => {
    const url = await createTestRedis();
    const one = createTokenRateLimit({ redis: await connectTo(url), perMinute: 3 });
    const other = createTokenRateLimit({ redis: await connectTo(url), perMinute: 3 });
    expect((await consume(one, userId("u1"), 2)).allowed).toBe(2);
    expect((await consume(other, userId("u1"), 3)).allowed).toBe(1);
    expect((await consume(one, userId("u2"), 1)).allowed).toBe(1);
  });

  test("are rejected over the limit, with the time until the window ends", async () => {
    const limit = createTokenRateLimit({ redis: await connectTo(await createTestRedis()), perMinute: 1 });
    await limit.consume(userId("u1"));
    const error: unknown = await limit.consume(userId("u1")).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ServiceError);
    expect((error as ServiceError).code).toBe("RATE_LIMITED");
    expect((error as ServiceError).retryAfterSeconds).toBeGreaterThan(50);
    expect((error as ServiceError).retryAfterSeconds).toBeLessThanOrEqual(60);
  });

  test("do not store the app user id in Redis", async () => {
    const redis = await connectTo(await createTestRedis());
    await createTokenRateLimit({ redis, perMinute: 1 }).consume(userId("alice@example.com"));
    const keys = await redis.keys("*");
    expect(keys).toHaveLength(1);
    expect(keys[0]).not.toContain("alice");
    expect(await redis.ttl(String(keys[0]))).toBeGreaterThan(0);
  });

  test("are limited per process while Redis is down", async () => {
    const server = await startOwnRedis();
    const redis = await connectTo(server.url);
    const limit = createTokenRateLimit({ redis, perMinute: 2 });
    await server.kill();
    const without = await consume(limit, userId("u1"), 4);
    expect(without.allowed).toBe(2);
    expect(without.slowestMs).toBeLessThan(1_000);
  });

  test("wait for an unresponsive Redis only once, and briefly", async () => {
    const server = await startOwnRedis();
    const redis = await connectTo(server.url);
    const limit = createTokenRateLimit({ redis, perMinute: 2 });
    await limit.consume(userId("warm"));
    server.pause();
    onTestFinished(() => {
      server.resume();
    });
    const startedAt = performance.now();
    expect((await consume(limit, userId("u1"), 10)).allowed).toBe(2);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test("are never rejected when the limit is 0", async () => {
    const limit = createTokenRateLimit({ redis: await connectTo(await createTestRedis()), perMinute: 0 });
    expect((await consume(limit, userId("u1"), 20)).allowed).toBe(20);
  });

  test("over the limit are not issued, and the response contains an error", async () => {
    const limit = createTokenRateLimit({ redis: await connectTo(await createTestRedis()), perMinute: 2 });
    let issued = 0;
    const tokens = limitSignInTokens(
      {
        issue: () => {
          issued += 1;
          return Promise.resolve(issuedToken);
        },
      },
      limit,
    );
    const { query } = await startServer({ issue: (appUserId) => tokens.issue(appUserId) });
    await query(tokenMutation);
    await query(tokenMutation);
    const { status, body } = await query(tokenMutation);
    expect(status).toBe(200);
    expect(body.data).toBeNull();
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: "RATE_LIMITED", retryable: true });
    expect(body.errors?.[0]?.extensions.retryAfterSeconds).toBeGreaterThan(0);
    expect(issued).toBe(2);
  });
});

describe("invalid tokens per address", () => {
  test("get 429 over the limit, and the address is then suspect", async () => {
    const suspected: boolean[] = [];
    const authenticate = (_headers: readonly string[], { isSuspect }: { isSuspect: boolean }) => {
      suspected.push(isSuspect);
      return Promise.reject(new BearerError("UNAUTHENTICATED", { bearerError: "invalid_token" }));
    };
    let exceeded = 0;
    const authFailureLimit = createAuthFailureLimit({ perMinute: 3, onExceeded: () => (exceeded += 1) });
    const { post } = await startServer({ graphql: { authenticate, authFailureLimit } });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await post({ query: tokenMutation })).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
    const response = await post({ query: tokenMutation });
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(codeOf((await response.json()) as GraphqlBody)).toBe("RATE_LIMITED");
    expect(suspected).toEqual([false, false, false, true, true]);
    expect(exceeded).toBe(1);
  });

  test("do not affect the valid tokens from the same address", async () => {
    const authFailureLimit = createAuthFailureLimit({ perMinute: 1 });
    const { post } = await startServer({ graphql: { authFailureLimit } });
    const send = async (token: string) =>
      (await post({ query: "{ viewer { id } }" }, { authorization: `Bearer ${token}` })).status;
    const statuses: number[] = [];
    for (const token of ["bad", "bad", "good", "bad", "good"]) statuses.push(await send(token));
    expect(statuses).toEqual([401, 429, 200, 429, 200]);
  });

  test("do not change the response to a request without a token, which is not counted", async () => {
    const authenticate = () => Promise.reject(new ServiceError("UNAUTHENTICATED"));
    const authFailureLimit = createAuthFailureLimit({ perMinute: 1 });
    const { post } = await startServer({ graphql: { authenticate, authFailureLimit } });
    for (let i = 0; i < 3; i += 1) expect((await post({ query: tokenMutation })).status).toBe(401);
  });

  test("are counted by the address that the trusted proxy appended, whatever the client sent before it", async () => {
    const authFailureLimit = createAuthFailureLimit({ perMinute: 1 });
    const { post } = await startServer({ trustedProxies: { hops: 1 }, graphql: { authFailureLimit } });
    const statuses: number[] = [];
    for (const forged of ["198.51.100.1", "198.51.100.2, 203.0.113.7", "unknown", "192.0.2.1:81"]) {
      const headers = { authorization: "Bearer bad", "x-forwarded-for": `${forged}, 192.0.2.1:4711` };
      statuses.push((await post({ query: tokenMutation }, headers)).status);
    }
    expect(statuses).toEqual([401, 429, 429, 429]);
  });

  test("are counted by the address of the client when the proxy is trusted", async () => {
    const authFailureLimit = createAuthFailureLimit({ perMinute: 1 });
    const { post } = await startServer({ trustedProxies: { hops: 1 }, graphql: { authFailureLimit } });
    const bad = (address: string) => ({ authorization: "Bearer bad", "x-forwarded-for": address });
    expect((await post({ query: tokenMutation }, bad("192.0.2.1"))).status).toBe(401);
    expect((await post({ query: tokenMutation }, bad("192.0.2.1"))).status).toBe(429);
    expect((await post({ query: tokenMutation }, bad("192.0.2.2"))).status).toBe(401);
  });

  test("are counted together for all addresses of an IPv6 network", async () => {
    const authFailureLimit = createAuthFailureLimit({ perMinute: 2 });
    const { post } = await startServer({ trustedProxies: { hops: 1 }, graphql: { authFailureLimit } });
    const bad = (address: string) => ({ authorization: "Bearer bad", "x-forwarded-for": address });
    const statuses: number[] = [];
    for (const address of [
      ...["2001:db8:1:2::1", "2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:0DB8:0001:0002:ffff::5"],
      ...["2001:db8:1:3::1", "::ffff:192.0.2.1", "::ffff:192.0.2.2", "192.0.2.1", "::ffff:c000:201"],
    ]) {
      statuses.push((await post({ query: tokenMutation }, bad(address))).status);
    }
    expect(statuses).toEqual([401, 401, 429, 401, 401, 401, 401, 429]);
  });

  test("do not affect clients that succeed", async () => {
    const authFailureLimit = createAuthFailureLimit({ perMinute: 1 });
    const { post } = await startServer({ graphql: { authFailureLimit } });
    for (let i = 0; i < 3; i += 1) expect((await post({ query: "{ viewer { id } }" })).status).toBe(200);
  });
});
