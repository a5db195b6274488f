import { compactVerify } from "jose";
import { toAppUserId, type AppUserId } from "../../core/mapping/app-user-id.js";
import type { Clock } from "../../core/clock.js";
import type { ServiceError } from "../../core/errors.js";
import { BearerError } from "../bearer-error.js";
import { claimRules } from "./claim-rules.js";
import { headerRules } from "./header-rules.js";
import type { KeySet } from "../keys/key-set.js";
import type { KeySets } from "../keys/key-sets.js";
import type { AuthPolicy } from "../policy.js";
import {
  member,
  parseJsonObject,
  readToken,
  type Finding,
  type JsonObject,
  type ReadToken,
} from "./read-token.js";
import { toAlgorithm, toKeyId, type SigningKey } from "../keys/signing-keys.js";
import { findExpiry } from "./time-rules.js";
import { findFirstFinding, formatValue, type TokenRule } from "./token-rule.js";
import { selectUserIdClaim } from "./user-id-rules.js";

export type VerifiedToken = Readonly<{
  appUserId: AppUserId;
  /** Expiry with clock tolerance, milliseconds since the epoch. */
  validUntilMs: number;
  key: SigningKey;
  keySet: KeySet;
}>;

/** The caller learns only that the token is invalid, has expired or lacks the scope. The log says which check failed. */
export function toAuthError(finding: Finding, policy: AuthPolicy): ServiceError {
  const reason = finding.fix === undefined ? finding.reason : `${finding.reason}; ${finding.fix}`;
  if (finding.kind === "scope") {
    return new BearerError("FORBIDDEN", {
      reason,
      bearerError: "insufficient_scope",
      ...(policy.requiredScope !== undefined && { requiredScope: policy.requiredScope }),
    });
  }
  return new BearerError("UNAUTHENTICATED", {
    reason,
    bearerError: "invalid_token",
    ...(finding.kind === "placeholder" && { isPlaceholder: true }),
    ...(finding.kind === "expired" && { message: "The access token has expired." }),
  });
}

/** Creates the rules of a policy: those to check before a key is chosen, and those of each issuer for the signed claims. */
export function compileRules(policy: AuthPolicy) {
  const byIssuer = new Map(policy.issuers.map((issuer) => [issuer.issuer, claimRules(policy, issuer)]));
  return {
    header: headerRules(policy),
    forIssuer: (issuer: unknown): readonly TokenRule[] | undefined =>
      typeof issuer === "string" ? byIssuer.get(issuer) : undefined,
  };
}

const otherTenantFix =
  "check that the token belongs to this tenant and environment, and that its key is still published";

/**
 * Verifies the signature with the key that the token's issuer publishes under its `kid`, for the algorithm that the
 * header rules have accepted. Returns the claims from exactly the bytes that were signed.
 *
 * @throws ServiceError `AUTH_UNAVAILABLE` when the issuer's keys are unavailable
 */
export async function verifySignature(
  token: ReadToken,
  keySet: KeySet,
): Promise<{ token: ReadToken; key: SigningKey } | Finding> {
  const [alg, kid] = [String(member(token.header, "alg")), member(token.header, "kid")];
  const found = await keySet.find(toKeyId(kid), toAlgorithm(alg));
  if ("problem" in found) {
    const name = toKeyId(kid) === undefined ? "key without kid" : `key ${formatValue(kid)}`;
    return {
      reason: `${name}: ${found.problem}`,
      fix: found.fix ?? otherTenantFix,
    };
  }
  try {
    const { payload } = await compactVerify(token.compact, found.key.key, { algorithms: [alg] });
    const claims = parseJsonObject(payload);
    return claims === null
      ? { reason: "the token claims are not a JSON object" }
      : { token: { ...token, claims }, key: found.key };
  } catch (error) {
    // Every error here means that the signature was not verified.
    return {
      reason: `the signature is invalid (${error instanceof Error ? error.name : "unknown"})`,
      fix: "check that the complete token was copied; otherwise another issuer signed it with the same key id",
    };
  }
}

/**
 * Creates a function that strictly checks access tokens (RFC 8725, RFC 9068, RFC 6750) against one policy.
 *
 * Before the signature is verified, the function uses only `alg`, `typ`, `kid` and `iss`, and only to select among
 * values that the policy accepts.
 *
 * The function throws ServiceError `UNAUTHENTICATED`, `FORBIDDEN` (scope) or `AUTH_UNAVAILABLE`, with the reason for the
 * log. It calls `onVerified` with the signed claims of each accepted token.
 */
export function createTokenVerifier(options: {
  policy: AuthPolicy;
  keySets: KeySets;
  now: Clock;
  onVerified: (claims: JsonObject, user: { userIdClaim: string; appUserId: AppUserId }) => void;
}) {
  const { policy, keySets, now, onVerified } = options;
  const nowSeconds = () => now().getTime() / 1000;
  const rules = compileRules(policy);
  const reject = (finding: Finding): never => {
    throw toAuthError(finding, policy);
  };

  return async (compact: string): Promise<VerifiedToken> => {
    const read = readToken(compact);
    if ("reason" in read) return reject(read);
    const headerFinding = findFirstFinding(rules.header, read, nowSeconds());
    if (headerFinding !== null) return reject(headerFinding);
    const issuer = String(member(read.claims, "iss"));
    const keySet = keySets.forIssuer(issuer);
    if (keySet === undefined) return reject({ reason: "the issuer has no key set" });
    const verified = await verifySignature(read, keySet);
    if ("reason" in verified) return reject(verified);
    const { token, key } = verified;
    // The issuer is read again, from the bytes that were signed.
    const issuerRules = rules.forIssuer(member(token.claims, "iss"));
    if (issuerRules === undefined || member(token.claims, "iss") !== issuer) {
      return reject({ reason: "the issuer in the signed claims is not the issuer that was read first" });
    }
    const finding = findFirstFinding(issuerRules, token, nowSeconds());
    if (finding !== null) return reject(finding);
    const userIdClaim = selectUserIdClaim(token.claims, policy);
    const appUserId = toAppUserId(member(token.claims, userIdClaim));
    const end = findExpiry(token, policy);
    if (appUserId === null || end === null) return reject({ reason: "the user id or the expiry is missing" });
    onVerified(token.claims, { userIdClaim, appUserId });
    return { appUserId, validUntilMs: (end + policy.clockToleranceSeconds) * 1000, key, keySet };
  };
}
