import type { Clock } from "../../core/clock.js";
import type { AuthPolicy } from "../policy.js";
import { member, readToken } from "./read-token.js";
import { findFirstFinding } from "./token-rule.js";
import { compileRules, toAuthError } from "./verify-token.js";

/**
 * Creates a function that checks everything about a token except its signature, which costs more than all other checks.
 * A token that passes is not valid yet: it must still be verified.
 *
 * A missing scope passes, because only a valid token is rejected for it.
 *
 * The function throws ServiceError `UNAUTHENTICATED`, with the reason for the log.
 */
export function createTokenScreen({ policy, now }: { policy: AuthPolicy; now: Clock }) {
  const rules = compileRules(policy);
  return (compact: string): void => {
    const token = readToken(compact);
    if ("reason" in token) throw toAuthError(token, policy);
    const nowSeconds = now().getTime() / 1000;
    // The header rules also check that the issuer is one of the policy.
    const issuerRules = rules.forIssuer(member(token.claims, "iss")) ?? [];
    const finding = findFirstFinding([...rules.header, ...issuerRules], token, nowSeconds);
    if (finding !== null && finding.kind !== "scope") throw toAuthError(finding, policy);
  };
}
