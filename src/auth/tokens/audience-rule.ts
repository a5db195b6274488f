import type { AuthPolicy, IssuerPolicy } from "../policy.js";
import { idTokenFix, isLikelyIdToken } from "./id-token-claims.js";
import { member, type Finding } from "./read-token.js";
import { formatAlternatives, formatValue, type TokenRule } from "./token-rule.js";

const isStringArray = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");

/** Returns the audiences that a token names, or `null` if `aud` is of another type (RFC 7519 §4.1.3). */
function listAudiences(aud: unknown): readonly string[] | null {
  if (aud === undefined) return [];
  if (typeof aud === "string") return [aud];
  return isStringArray(aud) ? aud : null;
}

/** The finding without its fix. Only a token that names another audience could be accepted by a setting. */
type Mismatch = Readonly<{ reason: string; isOther?: boolean; fix?: string }>;

function findMismatch(aud: unknown, policy: AuthPolicy, audiences: readonly string[]): Mismatch | null {
  const named = listAudiences(aud);
  if (named === null) return { reason: `the audience (aud) is ${formatValue(aud)}, which is not a text` };
  const isMissing = named.length === 0;
  if (policy.audienceRule === "absent") {
    const reason = `the audience (aud) is ${formatValue(aud)}, but no audience is accepted`;
    return isMissing ? null : { reason, isOther: true };
  }
  const isListed = named.some((name) => audiences.includes(name));
  if (policy.audienceRule === "equals" && isListed && typeof aud !== "string") {
    return {
      reason: `the audience (aud) is the list ${formatValue(aud)}, but must be one text`,
      fix: "the tokens of this provider have one audience: check AUTH_PROVIDER",
    };
  }
  if (isListed) return null;
  const reason = `the audience (aud) is ${formatValue(aud)}, but must be ${formatAlternatives(audiences)}`;
  return isMissing ? { reason } : { reason, isOther: true };
}

function toFix({ isOther = false, fix }: Mismatch, policy: AuthPolicy): string {
  return fix ?? (isOther ? policy.otherAudienceFix : policy.audienceFix);
}

/** Checks `aud`. Its fixes never add the audience of an ID token, which is a client, to the accepted audiences. */
export const audienceRule = (policy: AuthPolicy, { audiences }: IssuerPolicy): TokenRule => ({
  check: "audience",
  expects:
    policy.audienceRule === "absent"
      ? `no aud (checked instead: ${policy.checkedInsteadOfAudience ?? "client"})`
      : formatAlternatives(audiences),
  find: (token): Finding | null => {
    const mismatch = findMismatch(member(token.claims, "aud"), policy, audiences);
    if (mismatch === null) return null;
    return {
      reason: mismatch.reason,
      fix: isLikelyIdToken(token, policy) ? idTokenFix : toFix(mismatch, policy),
    };
  },
});
