import type { AuthPolicy, IssuerPolicy } from "./policy.js";
import { formatAlternatives } from "./tokens/token-rule.js";

const describeKeys = ({ keys }: IssuerPolicy): string =>
  keys.from === "secret" ? "a shared secret" : `keys from ${keys.url}`;

function describeAudience(policy: AuthPolicy): string {
  if (policy.audienceRule === "absent")
    return `no aud (checked instead: ${policy.checkedInsteadOfAudience ?? "client"})`;
  const audiences = [...new Set(policy.issuers.flatMap((issuer) => issuer.audiences))];
  return `aud ${policy.audienceRule} ${formatAlternatives(audiences)}`;
}

/** Describes the accepted tokens in one line for the startup log. The line contains no secret. */
export function describeAuthPolicy(policy: AuthPolicy): string {
  const issuers = policy.issuers.map((issuer) => `"${issuer.issuer}" (${describeKeys(issuer)})`);
  return [
    `${policy.provider}: tokens of ${issuers.join(" or ")}`,
    `alg ${policy.algorithms.join("/")}`,
    `typ ${policy.tokenTypes.join("/")}`,
    describeAudience(policy),
    `user id in ${policy.userIdClaim}${policy.userIdFallbackClaim === undefined ? "" : ` or else ${policy.userIdFallbackClaim}`} (${policy.userIdFormat?.description ?? "any id"})`,
    `clients ${policy.clientIds.length > 0 ? formatAlternatives(policy.clientIds) : "any"}`,
    ...(policy.requiredScope === undefined ? [] : [`scope ${policy.requiredScope}`]),
    ...(policy.allowActor ? ["impersonated users accepted"] : []),
    `clock tolerance ${policy.clockToleranceSeconds} s`,
  ].join(", ");
}
