import { appUserIdProblem } from "../../core/mapping/app-user-id.js";
import type { AuthPolicy } from "../policy.js";
import { member, type JsonObject } from "./read-token.js";
import { findSharedId } from "./shared-user-ids.js";
import type { CreateRule } from "./token-rule.js";

/** Returns the name of the claim that contains the user id of a token. */
export function selectUserIdClaim(claims: JsonObject, policy: AuthPolicy): string {
  const { userIdClaim, userIdFallbackClaim } = policy;
  const hasOnlyFallback =
    userIdFallbackClaim !== undefined &&
    member(claims, userIdClaim) === undefined &&
    member(claims, userIdFallbackClaim) !== undefined;
  return hasOnlyFallback ? userIdFallbackClaim : userIdClaim;
}

export const otherClaimFix =
  "configure the issuer to write the id of the user into this claim, or set AUTH_USER_ID_CLAIM to another one";

/** How to get a usable id into the tokens. What adds the claim is no fix for a token that has it. */
const toClaimFix = (claims: JsonObject, { userIdClaim, userIdFix }: AuthPolicy): string =>
  member(claims, userIdClaim) === undefined ? userIdFix : otherClaimFix;

const describeClaim = ({ userIdClaim, userIdFallbackClaim }: AuthPolicy): string =>
  userIdFallbackClaim === undefined ? userIdClaim : `${userIdClaim}, or else ${userIdFallbackClaim}`;

/** Returns the user id of a token and its claim. The id is empty when the token has no usable one. */
function readUserId(claims: JsonObject, policy: AuthPolicy): { claim: string; id: string } {
  const claim = selectUserIdClaim(claims, policy);
  const value = member(claims, claim);
  return { claim, id: typeof value === "string" ? value : "" };
}

const userId: CreateRule = (policy) => ({
  check: "user id",
  expects: `an app user id in ${describeClaim(policy)}`,
  find: ({ claims }) => {
    const claim = selectUserIdClaim(claims, policy);
    const value = member(claims, claim);
    const problem = value === undefined ? "is missing" : appUserIdProblem(value);
    if (problem === null) return null;
    return { reason: `the user id claim ${claim} ${problem}`, fix: toClaimFix(claims, policy) };
  },
});

const notMachine: CreateRule = (policy) => ({
  check: "not a machine",
  expects: `${describeClaim(policy)} is not the client`,
  find: ({ claims }) => {
    const { id } = readUserId(claims, policy);
    const isClient = ["azp", "client_id", "cid", "appid"].some((claim) => member(claims, claim) === id);
    return id !== "" && isClient
      ? {
          reason: "the token belongs to a machine: its user id is the client id",
          fix: "use the token of a user who has signed in",
        }
      : null;
  },
});

/** Suggests another claim of the same token that may contain the user id. */
function suggestClaim(claims: JsonObject, policy: AuthPolicy, current: string): string {
  const other = ["oid", "uid", "sub", "user_id"].find((claim) => {
    const id = member(claims, claim);
    const isUsable = claim !== current && appUserIdProblem(id) === null;
    return isUsable && findSharedId(String(id), String(id), claims, policy) === null;
  });
  const fix = `this token also has ${other}: if it is the id in your signup events, set AUTH_USER_ID_CLAIM=${other}`;
  const claimFix = toClaimFix(claims, policy);
  return other === undefined ? claimFix : `${claimFix}; ${fix}`;
}

const notShared: CreateRule = (policy) => ({
  check: "user id of one user",
  expects: "not a placeholder, and not the id of a client, service or tenant",
  find: ({ claims }) => {
    const { claim, id } = readUserId(claims, policy);
    if (id === "") return null;
    const own = policy.userIdFormat?.pattern.exec(id)?.groups?.own ?? id;
    const problem = findSharedId(id, own, claims, policy);
    if (problem === null) return null;
    return { reason: `the user id claim ${claim} ${problem}`, fix: suggestClaim(claims, policy, claim) };
  },
});

const format: CreateRule = (policy) => ({
  check: "user id format",
  expects: policy.userIdFormat?.description ?? "any id",
  find: ({ claims }) => {
    const { claim, id } = readUserId(claims, policy);
    const { userIdFormat } = policy;
    if (userIdFormat === undefined || id === "" || userIdFormat.pattern.test(id)) return null;
    return {
      reason: `the user id claim ${claim} is not in the format of user ids: ${userIdFormat.description}`,
      fix: `${toClaimFix(claims, policy)}; ${policy.userIdFormatFix}`,
    };
  },
});

/**
 * The checks of the user id: two people must never have the same one. An id that many users share is rejected whatever
 * the settings are, because all of them would be one viewer with one Vital user.
 */
export const userIdRules: readonly CreateRule[] = [userId, notMachine, notShared, format];
