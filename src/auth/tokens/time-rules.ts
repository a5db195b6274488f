import { claimAt, claimName } from "./claim-requirements.js";
import type { AuthPolicy } from "../policy.js";
import { member, type ReadToken } from "./read-token.js";
import type { CreateRule } from "./token-rule.js";

const isInstant = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const formatTime = (seconds: number): string => {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
};

/** Parses a number of seconds or an ISO 8601 string. Returns seconds, or `null` for anything else. */
function toSeconds(value: unknown): number | null {
  if (isInstant(value)) return value;
  const milliseconds = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(milliseconds) ? null : milliseconds / 1000;
}

/** Returns when a token expires, in seconds and without tolerance, or `null` when it has no valid expiry. */
export function findExpiry({ claims }: ReadToken, { expiresWith }: AuthPolicy): number | null {
  const exp = member(claims, "exp");
  if (!isInstant(exp)) return null;
  if (expiresWith === undefined) return exp;
  const other = toSeconds(claimAt(claims, expiresWith));
  return other === null ? null : Math.min(exp, other);
}

const clockFix = "check the clocks of the issuer and of this host";

const expiry: CreateRule = (policy) => {
  const claims = ["exp", ...(policy.expiresWith === undefined ? [] : [claimName(policy.expiresWith)])];
  return {
    check: "expiry",
    expects: `${claims.join(" and ")} in the future`,
    find: (token, nowSeconds) => {
      const end = findExpiry(token, policy);
      if (end === null)
        return { reason: `the expiry (${claims.join(" or ")}) is missing or not a valid time` };
      if (end > nowSeconds - policy.clockToleranceSeconds) return null;
      return {
        reason: `the token expired at ${formatTime(end)} (current time: ${formatTime(nowSeconds)})`,
        fix: `refresh the token in the app; if it is new, ${clockFix}`,
        kind: "expired",
      };
    },
  };
};

const notBefore: CreateRule = ({ clockToleranceSeconds }) => ({
  check: "not before",
  expects: "nbf and iat not in the future",
  find: ({ claims }, nowSeconds) => {
    for (const claim of ["nbf", "iat"]) {
      const value = member(claims, claim);
      if (value === undefined) continue;
      if (!isInstant(value)) return { reason: `${claim} is not a number` };
      if (value > nowSeconds + clockToleranceSeconds) {
        return {
          reason: `${claim} is in the future: ${formatTime(value)} (current time: ${formatTime(nowSeconds)})`,
          fix: clockFix,
        };
      }
    }
    return null;
  },
});

/** The largest value of `AUTH_DESCOPE_MAX_LIFETIME_SECONDS`. */
export const maxLifetimeLimitSeconds = 86_400;

const sessionTokenFix = "send the session token, not the refresh token";
const raiseFix = "if session tokens are valid for longer, raise AUTH_DESCOPE_MAX_LIFETIME_SECONDS";

/** Only the preset `descope` has a maximum. */
const lifetime: CreateRule = ({ maxLifetimeSeconds = Infinity }) => ({
  check: "lifetime",
  expects: maxLifetimeSeconds === Infinity ? "any" : `at most ${maxLifetimeSeconds} s`,
  find: ({ claims }) => {
    if (maxLifetimeSeconds === Infinity) return null;
    const [exp, iat] = [member(claims, "exp"), member(claims, "iat")];
    if (isInstant(exp) && isInstant(iat) && exp - iat <= maxLifetimeSeconds) return null;
    const isRaisable = isInstant(exp) && isInstant(iat) && exp - iat <= maxLifetimeLimitSeconds;
    return {
      reason: `the lifetime (exp − iat) is unknown or longer than ${maxLifetimeSeconds} s, as it is for refresh tokens`,
      fix: isRaisable ? `${sessionTokenFix}; ${raiseFix}` : sessionTokenFix,
    };
  },
});

/** The checks of a token's validity period, in this order. */
export const timeRules: readonly CreateRule[] = [expiry, notBefore, lifetime];
