import { hash } from "node:crypto";
import type { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { AppUserId } from "../core/mapping/app-user-id.js";
import { ServiceError } from "../core/errors.js";
import type { SignInTokens } from "../core/tokens/sign-in-tokens.js";
import { toClientNetwork } from "./client-network.js";
import { withDeadline } from "./deadline.js";
import type { AuthFailureLimit } from "./graphql/graphql-route.js";

const windowSeconds = 60;
/** A Redis that hangs must not hold up a sign-in. */
const redisTimeoutMs = 50;
/** How long nobody waits for a Redis that has hung. */
const redisPauseMs = 2_000;

type Limiter = Pick<RateLimiterMemory, "consume">;

/** Keys are hashed: an app user id is personal data, of any length and any characters. */
const toKey = (text: string) => hash("sha256", text, "base64url");

const toRateLimited = (result: RateLimiterRes) =>
  new ServiceError("RATE_LIMITED", { retryAfterMs: Math.max(result.msBeforeNext, 1) });

/**
 * A limit that holds over all gateways while Redis answers, and for this process alone while it does not. The client
 * should have `enableOfflineQueue: false`, so that a lost connection shows at once.
 */
function createSharedLimiter(redis: Redis, name: string, points: number): Limiter {
  const options = { points, duration: windowSeconds, keyPrefix: `vital-gateway:${name}` };
  const memory = new RateLimiterMemory(options);
  const shared = new RateLimiterRedis({
    ...options,
    storeClient: redis,
    rejectIfRedisNotReady: true,
    // Who is over the limit is known here until the minute is over: Redis need not be asked again.
    inMemoryBlockOnConsumed: points,
  });
  let pausedUntilMs = 0;

  return {
    async consume(key, cost) {
      if (performance.now() < pausedUntilMs) return memory.consume(key, cost);
      try {
        const toLate = () => new Error("Redis does not answer in time.");
        return await withDeadline(shared.consume(key, cost), redisTimeoutMs, toLate);
      } catch (error) {
        if (error instanceof RateLimiterRes) throw error;
        pausedUntilMs = performance.now() + redisPauseMs;
        return memory.consume(key, cost);
      }
    },
  };
}

export type TokenRateLimit = { consume(appUserId: AppUserId): Promise<void> };

/**
 * Limits the sign-in tokens of one viewer, per minute over all gateways; 0 is no limit. `consume` throws
 * `RATE_LIMITED` with the time until the next minute begins.
 */
export function createTokenRateLimit({
  redis,
  perMinute,
}: {
  redis: Redis;
  perMinute: number;
}): TokenRateLimit {
  if (perMinute === 0) return { consume: () => Promise.resolve() };
  const limiter = createSharedLimiter(redis, "sign-in-tokens", perMinute);
  return {
    async consume(appUserId) {
      try {
        await limiter.consume(toKey(appUserId));
      } catch (error) {
        throw error instanceof RateLimiterRes ? toRateLimited(error) : error;
      }
    },
  };
}

/** Sign-in tokens behind a limit: what is over it never reaches Vital. */
export const limitSignInTokens = (tokens: SignInTokens, limit: TokenRateLimit): SignInTokens => ({
  async issue(appUserId) {
    await limit.consume(appUserId);
    return tokens.issue(appUserId);
  },
});

/**
 * Turns an address away that has failed `perMinute` times within a minute, before another token of it is verified;
 * counted in this process. Only for a gateway that sees its clients' addresses (`trustProxy` set where there is a
 * proxy): otherwise all clients share the proxy's, and expired tokens of some would shut out everybody.
 */
export function createAuthFailureLimit({ perMinute }: { perMinute: number }): AuthFailureLimit {
  const failures = new RateLimiterMemory({ points: perMinute, duration: windowSeconds });
  return {
    async check(address) {
      const state = await failures.get(toClientNetwork(address));
      if (state !== null && state.consumedPoints >= perMinute) throw toRateLimited(state);
    },
    async record(address) {
      // Past the limit it rejects, which `check` says at the next request.
      await failures.consume(toClientNetwork(address)).catch(() => undefined);
    },
  };
}
