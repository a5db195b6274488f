import { claimName, describeRequirement, meets } from "./claim-requirements.js";
import type { AuthPolicy, ClaimRequirement, IssuerPolicy, ScopeClaim } from "../policy.js";
import { audienceRule } from "./audience-rule.js";
import { findClaim, idTokenFix, isLikelyIdToken, listRejectedClaims } from "./id-token-claims.js";
import { isStringArray, member } from "./read-token.js";
import { timeRules } from "./time-rules.js";
import { formatAlternatives, formatValue, type CreateRule, type TokenRule } from "./token-rule.js";
import { userIdRules } from "./user-id-rules.js";

const addClientFix = "if this is one of your apps, add its client id to AUTH_CLIENT_IDS";
const nameClientFix = "configure the issuer to write the client id, as a text, into access tokens";

const client: CreateRule = ({ clientClaims, clientIds, clientPresence, settingProblems }) => ({
  check: "client",
  expects:
    clientPresence === "unchecked"
      ? "any"
      : `${clientClaims.join("/")} is ${formatAlternatives(clientIds) || "missing"}`,
  find: ({ claims }) => {
    if (clientPresence === "unchecked") return null;
    const named = clientClaims.map((claim) => member(claims, claim)).filter((value) => value !== undefined);
    if (named.length === 0 && clientPresence === "when-present") return null;
    if (named.length > 0 && named.every((id) => typeof id === "string" && clientIds.includes(id)))
      return null;
    const expected =
      clientIds.length === 0 ? "AUTH_CLIENT_IDS is not set" : `must be ${formatAlternatives(clientIds)}`;
    const isAddable = (ids: readonly unknown[]): boolean =>
      isStringArray(ids) && ids.length > 0 && ids.every((id) => settingProblems.client(id) === null);
    const others = named.filter((id) => typeof id !== "string" || !clientIds.includes(id));
    const value = formatValue(named.length > 1 ? named : named[0]);
    return {
      reason: `the client (${clientClaims.join("/")}) is ${value}, but ${expected}`,
      fix: isAddable(others) ? addClientFix : nameClientFix,
    };
  },
});

/** RFC 8693 §4.1: `act` names another party that acts as the subject. */
const actor: CreateRule = ({ allowActor }) => ({
  check: "actor",
  expects: allowActor ? "any" : "no act",
  find: ({ claims }) =>
    allowActor || member(claims, "act") === undefined
      ? null
      : {
          reason: "another party acts as the user (act)",
          fix: "to accept such tokens, set AUTH_ALLOW_ACTOR=true",
        },
});

/** RFC 7800, RFC 9449, RFC 8705: a bound token that is sent without its proof may have been stolen. */
const binding: CreateRule = () => ({
  check: "binding",
  expects: "no cnf",
  find: ({ claims }) =>
    member(claims, "cnf") === undefined
      ? null
      : {
          reason: "the token is bound to a key (cnf), which is not supported",
          fix: "turn off DPoP or mTLS token binding for this API",
        },
});

/** Only an audience still tells an ID token from an access token if a setting accepts the nonce. */
const allowNonceFix = "if your issuer also writes nonce into access tokens, set AUTH_ALLOW_NONCE=true";

const notIdToken: CreateRule = (policy) => {
  const rejected = listRejectedClaims(policy);
  return {
    check: "not an ID token",
    expects: rejected.length === 0 ? "any" : `no ${rejected.join(", ")}`,
    find: ({ claims }) => {
      const found = findClaim(rejected, claims);
      if (found === undefined) return null;
      const canAllow = found === "nonce" && policy.audienceRule !== "absent";
      return {
        reason: `the token seems to be an ID token (it has ${found})`,
        fix: canAllow ? `${idTokenFix}; ${allowNonceFix}` : idTokenFix,
      };
    },
  };
};

const presetRequirement = (requirement: ClaimRequirement, policy: AuthPolicy): TokenRule => ({
  check:
    "anyOf" in requirement
      ? requirement.anyOf.map((condition) => claimName(condition.claim)).join("/")
      : claimName(requirement.claim),
  expects: describeRequirement(requirement),
  find: (token, nowSeconds) =>
    meets(requirement, token, nowSeconds + policy.clockToleranceSeconds)
      ? null
      : {
          reason: `${requirement.reason} (expected: ${describeRequirement(requirement)})`,
          ...(isLikelyIdToken(token, policy) && { fix: idTokenFix }),
        },
});

/** Returns the scopes in a claim, or `null` when the claim is not in the provider's format. */
function parseScopes(value: unknown, format: ScopeClaim["format"]): readonly string[] | null {
  if (typeof value === "string" && format.startsWith("space-separated")) {
    return value.split(" ").filter((word) => word !== "");
  }
  if (isStringArray(value) && format.endsWith("array")) return value;
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject && format === "object-keys" ? Object.keys(value) : null;
}

const scope: CreateRule = ({ scopeClaims, requiredScope }) => ({
  check: "scope",
  expects: requiredScope === undefined ? "any" : JSON.stringify(requiredScope),
  find: ({ claims }) => {
    const granted: string[] = [];
    for (const { claim: name, format } of scopeClaims) {
      const value = member(claims, name);
      if (value === undefined) continue;
      const scopes = parseScopes(value, format);
      if (scopes === null)
        return { reason: `the claim ${name} is not in this provider's format (${format})` };
      granted.push(...scopes);
    }
    if (requiredScope === undefined || granted.includes(requiredScope)) return null;
    return {
      reason: `the required scope ${JSON.stringify(requiredScope)} is missing`,
      fix: "request this scope in the app, or grant the user this permission",
      kind: "scope",
    };
  },
});

/**
 * The checks after the signature, in this order. The scope is checked last, so that a missing scope is reported only for
 * a token that is otherwise valid.
 */
export function claimRules(policy: AuthPolicy, issuerPolicy: IssuerPolicy): readonly TokenRule[] {
  const requirements = [...policy.requirements, ...issuerPolicy.requirements];
  return [
    ...timeRules.map((rule) => rule(policy)),
    audienceRule(policy, issuerPolicy),
    ...[client, actor, binding, notIdToken].map((rule) => rule(policy)),
    ...requirements.map((requirement) => presetRequirement(requirement, policy)),
    ...[...userIdRules, scope].map((rule) => rule(policy)),
  ];
}
