import { hash } from "node:crypto";
import type { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { AppUserId } from "../core/mapping/app-user-id.js";
import { withDeadline } from "../core/deadline.js";
import { ServiceError } from "../core/errors.js";
import type { SignInTokens } from "../core/tokens/sign-in-tokens.js";
import { toClientNetwork } from "./client-network.js";
import type { AuthFailureLimit } from "./graphql/graphql-route.js";

const windowSeconds = 60;
/** A Redis that does not respond must not delay a sign-in. */
const redisTimeoutMs = 50;
/** How long Redis is not used after it did not respond. */
const redisPauseMs = 2_000;

type Limiter = Pick<RateLimiterMemory, "consume">;

/** Hashes a key: an app user id is personal data, and may contain any characters. */
const toKey = (text: string) => hash("sha256", text, "base64url");

const toRateLimitError = (result: RateLimiterRes) =>
  new ServiceError("RATE_LIMITED", { retryAfterMs: Math.max(result.msBeforeNext, 1) });

/**
 * Creates a limit that applies to all gateways together while Redis responds, and to this process alone while it does
 * not. The Redis client should have `enableOfflineQueue: false`, so that commands fail immediately when it is not
 * connected.
 */
function createSharedLimiter(redis: Redis, name: string, points: number): Limiter {
  const options = { points, duration: windowSeconds, keyPrefix: `{vital}:limit:${name}` };
  const memory = new RateLimiterMemory(options);
  const shared = new RateLimiterRedis({
    ...options,
    storeClient: redis,
    rejectIfRedisNotReady: true,
    // Keys over the limit are kept in memory until their window ends, so that Redis need not be queried again.
    inMemoryBlockOnConsumed: points,
  });
  let pausedUntilMs = 0;

  return {
    async consume(key, cost) {
      if (performance.now() < pausedUntilMs) return memory.consume(key, cost);
      try {
        const toTimeout = () => new Error("Redis did not respond in time.");
        return await withDeadline(shared.consume(key, cost), redisTimeoutMs, toTimeout);
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
 * Creates the limit for the sign-in tokens of one viewer per minute, across all gateways; 0 means no limit. `consume`
 * throws `RATE_LIMITED` with the time until the current window of one minute ends.
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
        throw error instanceof RateLimiterRes ? toRateLimitError(error) : error;
      }
    },
  };
}

/** Applies a limit to sign-in tokens: requests over the limit cause no call to Vital. */
export const limitSignInTokens = (tokens: SignInTokens, limit: TokenRateLimit): SignInTokens => ({
  async issue(appUserId) {
    await limit.consume(appUserId);
    return tokens.issue(appUserId);
  },
});

/**
 * Creates the limit of the invalid tokens that an address may send within a minute. It applies to invalid tokens only.
 * They are counted per process, by the address or the /64 network of the client.
 *
 * `onExceeded` runs for every address that reaches the limit.
 */
export function createAuthFailureLimit({
  perMinute,
  onExceeded = () => undefined,
}: {
  perMinute: number;
  onExceeded?: () => void;
}): AuthFailureLimit {
  const failures = new RateLimiterMemory({ points: perMinute, duration: windowSeconds });
  return {
    async findError(address) {
      const state = await failures.get(toClientNetwork(address));
      if (state === null || state.consumedPoints < perMinute) return null;
      const message = "The access token is invalid, and too many invalid ones came from this address.";
      return new ServiceError("RATE_LIMITED", { message, retryAfterMs: Math.max(state.msBeforeNext, 1) });
    },
    async record(address) {
      // `consume` rejects over the limit; `findError` reports that at the next request.
      const state = await failures.consume(toClientNetwork(address)).catch(() => null);
      if (state?.remainingPoints === 0) onExceeded();
    },
  };
}
