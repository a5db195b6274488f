import { claimAt, claimName } from "./claim-requirements.js";
import type { AuthPolicy } from "../policy.js";
import { member, type ReadToken } from "./read-token.js";
import type { CreateRule } from "./token-rule.js";

const isInstant = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const iso = (seconds: number): string => {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
};

/** Reads an instant as seconds, or as ISO 8601 text; `null` for anything else. */
function toSeconds(value: unknown): number | null {
  if (isInstant(value)) return value;
  const milliseconds = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(milliseconds) ? null : milliseconds / 1000;
}

/** The second at which a token ends, tolerance not included; `null` when it does not say. */
export function findExpiry({ claims }: ReadToken, { expiresWith }: AuthPolicy): number | null {
  const exp = member(claims, "exp");
  if (!isInstant(exp)) return null;
  if (expiresWith === undefined) return exp;
  const other = toSeconds(claimAt(claims, expiresWith));
  return other === null ? null : Math.min(exp, other);
}

const expiry: CreateRule = (policy) => ({
  check: "expiry",
  expects: `exp${policy.expiresWith === undefined ? "" : ` and ${claimName(policy.expiresWith)}`} ahead`,
  find: (token, now) => {
    const end = findExpiry(token, policy);
    if (end === null) return { reason: "exp (or the session's end) is missing or no instant" };
    if (end > now - policy.clockToleranceSeconds) return null;
    return {
      reason: `expired at ${iso(end)}, now ${iso(now)}`,
      fix: "refresh the token in the app; if it is fresh, set the clocks",
      kind: "expired",
    };
  },
});

const notBefore: CreateRule = ({ clockToleranceSeconds }) => ({
  check: "start",
  expects: "nbf and iat not ahead",
  find: ({ claims }, now) => {
    for (const claim of ["nbf", "iat"]) {
      const value = member(claims, claim);
      if (value === undefined) continue;
      if (!isInstant(value)) return { reason: `${claim} is no number` };
      if (value > now + clockToleranceSeconds) {
        return { reason: `${claim} is ahead: ${iso(value)}, now ${iso(now)}`, fix: "set the clocks" };
      }
    }
    return null;
  },
});

const lifetime: CreateRule = ({ maxLifetimeSeconds = Infinity }) => ({
  check: "lifetime",
  expects: maxLifetimeSeconds === Infinity ? "any" : `at most ${maxLifetimeSeconds} s`,
  find: ({ claims }) => {
    if (maxLifetimeSeconds === Infinity) return null;
    const [exp, iat] = [member(claims, "exp"), member(claims, "iat")];
    if (isInstant(exp) && isInstant(iat) && exp - iat <= maxLifetimeSeconds) return null;
    return {
      reason: `it lives longer than ${maxLifetimeSeconds} s (exp − iat), as refresh tokens do`,
      fix: "send the session token, not the refresh token; if session tokens live so long, raise the maximum",
    };
  },
});

/** When a token counts, in this order. */
export const timeRules: readonly CreateRule[] = [expiry, notBefore, lifetime];
