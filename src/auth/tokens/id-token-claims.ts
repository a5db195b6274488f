import type { AuthPolicy } from "../policy.js";
import { member, type JsonObject, type ReadToken } from "./read-token.js";

/** OpenID Connect Core 1.0 §2, §3.1.3.6, §3.3.2.11: an ID token has these claims. Some providers' access tokens also do. */
const idTokenClaims = ["at_hash", "c_hash", "nonce"];

export const idTokenFix = "send the access token instead of the ID token";

/** The claims of an ID token that no accepted token of the policy has. */
export const listRejectedClaims = ({ idTokenClaims: accepted }: AuthPolicy): readonly string[] =>
  idTokenClaims.filter((claim) => !accepted.includes(claim));

export const findClaim = (names: readonly string[], claims: JsonObject): string | undefined =>
  names.find((name) => member(claims, name) !== undefined);

/**
 * Whether a rejected token seems to be an ID token, so that the app should send another one. Keycloak writes the kind into
 * the claim `typ`, and Cognito into `token_use`.
 */
export const isLikelyIdToken = ({ claims }: ReadToken, policy: AuthPolicy): boolean =>
  findClaim(listRejectedClaims(policy), claims) !== undefined ||
  member(claims, "typ") === "ID" ||
  (member(claims, "token_use") === "id" && policy.provider !== "cognito-id");
