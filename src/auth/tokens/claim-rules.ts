import { appUserIdProblem } from "../../core/mapping/app-user-id.js";
import { claimName, describeRequirement, meets } from "./claim-requirements.js";
import type { AuthPolicy, ClaimRequirement, IssuerPolicy, ScopeClaim } from "../policy.js";
import { member } from "./read-token.js";
import { timeRules } from "./time-rules.js";
import { formatAlternatives, formatValue, type CreateRule, type TokenRule } from "./token-rule.js";

const isStringArray = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");

const audience = (policy: AuthPolicy, { audiences }: IssuerPolicy): TokenRule => ({
  check: "audience",
  expects:
    policy.audienceRule === "absent"
      ? `no aud (${policy.checkedInsteadOfAudience ?? "client"} instead)`
      : formatAlternatives(audiences),
  find: ({ claims }) => {
    const aud = member(claims, "aud");
    const isNone = aud === undefined || (Array.isArray(aud) && aud.length === 0);
    if (policy.audienceRule === "absent") {
      if (isNone) return null;
      return {
        reason: `aud is ${formatValue(aud)}, and no audience is accepted`,
        fix: "if it is this API, AUTH_AUDIENCE",
      };
    }
    const named = typeof aud === "string" ? [aud] : isStringArray(aud) ? aud : [];
    const isAccepted =
      policy.audienceRule === "equals"
        ? typeof aud === "string" && audiences.includes(aud)
        : named.some((name) => audiences.includes(name));
    if (isAccepted) return null;
    return {
      reason: `aud is ${formatValue(aud)}, accepted: ${formatAlternatives(audiences)}`,
      fix: policy.audienceFix,
    };
  },
});

const client: CreateRule = ({ clientClaims, clientIds, clientPresence }) => ({
  check: "client",
  expects:
    clientPresence === "unchecked" ? "any" : `${clientClaims.join("/")} of ${formatAlternatives(clientIds)}`,
  find: ({ claims }) => {
    if (clientPresence === "unchecked") return null;
    const named = clientClaims.map((claim) => member(claims, claim)).filter((value) => value !== undefined);
    if (named.length === 0 && clientPresence === "when-present") return null;
    if (named.length > 0 && named.every((id) => typeof id === "string" && clientIds.includes(id)))
      return null;
    return {
      reason: `${clientClaims.join("/")} is ${formatValue(named)}, accepted: ${formatAlternatives(clientIds) || "none"}`,
      fix: "if it is an app of yours, AUTH_CLIENT_IDS",
    };
  },
});

/** RFC 8693 §4.1: `act` says that somebody else acts as the subject. */
const actor: CreateRule = ({ allowActor }) => ({
  check: "actor",
  expects: allowActor ? "any" : "no act",
  find: ({ claims }) =>
    allowActor || member(claims, "act") === undefined
      ? null
      : { reason: "somebody else acts as the user (act)", fix: "if that is wanted, AUTH_ALLOW_ACTOR=true" },
});

/** RFC 7800, RFC 9449, RFC 8705: a bound token without its proof may be a stolen one. */
const binding: CreateRule = () => ({
  check: "binding",
  expects: "no cnf",
  find: ({ claims }) =>
    member(claims, "cnf") === undefined
      ? null
      : { reason: "the token is bound to a key (cnf)", fix: "switch DPoP or mTLS binding off for this API" },
});

const notIdToken: CreateRule = ({ idTokenClaims }) => ({
  check: "no ID token",
  expects: "no at_hash, c_hash, nonce",
  find: ({ claims }) => {
    const mark = ["at_hash", "c_hash", "nonce"].find(
      (claim) => !idTokenClaims.includes(claim) && member(claims, claim) !== undefined,
    );
    return mark === undefined
      ? null
      : { reason: `an ID token (it has ${mark})`, fix: "let the app send its access token" };
  },
});

const userId: CreateRule = ({ userIdClaim }) => ({
  check: "user id",
  expects: `an app user id in ${userIdClaim}`,
  find: ({ claims }) => {
    const value = member(claims, userIdClaim);
    const problem = value === undefined ? "is missing" : appUserIdProblem(value);
    if (problem === null) return null;
    return {
      reason: `the user id claim ${userIdClaim} ${problem}`,
      fix: "let the issuer add it, or AUTH_USER_ID_CLAIM",
    };
  },
});

const notMachine: CreateRule = ({ userIdClaim }) => ({
  check: "no machine",
  expects: `${userIdClaim} is not the client`,
  find: ({ claims }) => {
    const id = member(claims, userIdClaim);
    const isClient = ["azp", "client_id", "cid", "appid"].some((claim) => member(claims, claim) === id);
    return id !== undefined && isClient
      ? { reason: "a machine's token: the user id is the client id", fix: "let a user sign in" }
      : null;
  },
});

const claim = (requirement: ClaimRequirement, clockToleranceSeconds: number): TokenRule => ({
  check:
    "anyOf" in requirement
      ? requirement.anyOf.map((test) => claimName(test.claim)).join("/")
      : claimName(requirement.claim),
  expects: describeRequirement(requirement),
  find: (token, now) =>
    meets(requirement, token, now + clockToleranceSeconds)
      ? null
      : { reason: `${requirement.reason} (needed: ${describeRequirement(requirement)})` },
});

/** The scopes of a claim, or `null` when it is written in another form than the provider's. */
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
    const carried: string[] = [];
    for (const { claim: name, format } of scopeClaims) {
      const value = member(claims, name);
      if (value === undefined) continue;
      const scopes = parseScopes(value, format);
      if (scopes === null)
        return { reason: `the claim ${name} has not the form of this provider (${format})` };
      carried.push(...scopes);
    }
    if (requiredScope === undefined || carried.includes(requiredScope)) return null;
    return {
      reason: `the scope ${JSON.stringify(requiredScope)} is missing`,
      fix: "let the app ask for it, or give the user the permission",
      kind: "scope",
    };
  },
});

/** What is looked at once the signature is known to be good, in this order; a missing scope comes last. */
export function claimRules(policy: AuthPolicy, ofIssuer: IssuerPolicy): readonly TokenRule[] {
  const requirements = [...policy.requirements, ...ofIssuer.requirements];
  return [
    ...timeRules.map((rule) => rule(policy)),
    audience(policy, ofIssuer),
    ...[client, actor, binding, notIdToken].map((rule) => rule(policy)),
    ...requirements.map((requirement) => claim(requirement, policy.clockToleranceSeconds)),
    ...[userId, notMachine, scope].map((rule) => rule(policy)),
  ];
}
