import type { AuthPolicy, IssuerPolicy } from "../policy.js";
import { idTokenFix, isLikelyIdToken } from "./id-token-claims.js";
import { isStringArray, member, type Finding } from "./read-token.js";
import { formatAlternatives, formatValue, type TokenRule } from "./token-rule.js";

/** Returns the audiences that a token names, or `null` if `aud` is of another type (RFC 7519 §4.1.3). */
function listAudiences(aud: unknown): readonly string[] | null {
  if (aud === undefined) return [];
  if (typeof aud === "string") return [aud];
  return isStringArray(aud) ? aud : null;
}

/** `missing`: the token has no audience. `unacceptable`: no setting can accept what it has. */
type MismatchKind = "missing" | "other" | "unacceptable";

const oneAudienceFix = "the tokens of this provider have one audience: check AUTH_PROVIDER";

function findMismatch(aud: unknown, policy: AuthPolicy, audiences: readonly string[]): Finding | null {
  const named = listAudiences(aud);
  if (named === null) {
    const reason = `the audience (aud) is ${formatValue(aud)}, which is not a text`;
    return { reason, fix: policy.audienceFixes.unacceptable };
  }
  if (policy.audienceRule === "absent") {
    const reason = `the audience (aud) is ${formatValue(aud)}, but no audience is accepted`;
    return named.length === 0 ? null : { reason, fix: toFix(named, policy) };
  }
  if (policy.audienceRule === "equals" && typeof aud !== "string" && named.length > 0) {
    const reason = `the audience (aud) is the list ${formatValue(aud)}, but must be one text`;
    return { reason, fix: oneAudienceFix };
  }
  if (named.some((name) => audiences.includes(name))) return null;
  return {
    reason: `the audience (aud) is ${formatValue(aud)}, but must be ${formatAlternatives(audiences)}`,
    fix: toFix(named, policy),
  };
}

function toKind(named: readonly string[], { settingProblems }: AuthPolicy): MismatchKind {
  if (named.length === 0) return "missing";
  return named.some((name) => settingProblems.audience(name) === null) ? "other" : "unacceptable";
}

function toFix(named: readonly string[], policy: AuthPolicy): string {
  const kind = toKind(named, policy);
  // A client of the operator that the setting rejects is the audience of ID tokens.
  const isForClient = kind === "unacceptable" && named.some((name) => policy.clientIds.includes(name));
  return isForClient ? idTokenFix : policy.audienceFixes[kind];
}

/** Checks `aud`. Its fixes never add the audience of an ID token, which is a client, to the accepted audiences. */
export const audienceRule = (policy: AuthPolicy, { audiences }: IssuerPolicy): TokenRule => ({
  check: "audience",
  expects:
    policy.audienceRule === "absent"
      ? `no aud (checked instead: ${policy.checkedInsteadOfAudience ?? "client"})`
      : formatAlternatives(audiences),
  find: (token) => {
    const mismatch = findMismatch(member(token.claims, "aud"), policy, audiences);
    return mismatch !== null && isLikelyIdToken(token, policy) ? { ...mismatch, fix: idTokenFix } : mismatch;
  },
});
