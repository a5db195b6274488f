import type { AuthPolicy } from "../policy.js";
import { member } from "./read-token.js";
import { formatAlternatives, formatValue, type CreateRule, type TokenRule } from "./token-rule.js";

/**
 * Returns the token type in lower case without `application/`: `typ` is compared regardless of case, and the prefix may
 * be omitted (RFC 7515 §4.1.9, RFC 9068 §4).
 */
export const normalizeTokenType = (type: string): string => type.toLowerCase().replace(/^application\//, "");

/** What cannot be set: whoever can check such a token could also make one. */
const isForgeable = (alg: unknown): boolean => typeof alg === "string" && /^(hs\d+|none)$/i.test(alg);

const algorithm: CreateRule = ({ algorithms }) => ({
  check: "algorithm",
  expects: algorithms.join(" or "),
  find: ({ header }) => {
    const alg = member(header, "alg");
    if (typeof alg === "string" && algorithms.includes(alg)) return null;
    return {
      reason: `alg is ${formatValue(alg)}, accepted: ${algorithms.join(", ")}`,
      fix: isForgeable(alg)
        ? "let the issuer sign the tokens of this API with a key pair, such as RS256 or ES256"
        : "if the issuer really signs with it, AUTH_ALGORITHMS",
    };
  },
});

const tokenType: CreateRule = ({ tokenTypes }) => ({
  check: "type",
  expects: tokenTypes.join(" or "),
  find: ({ header }) => {
    const typ = member(header, "typ");
    const type = typ === undefined ? "absent" : typeof typ === "string" ? normalizeTokenType(typ) : null;
    // A token that says "absent" of itself does not say nothing.
    if (type !== null && (type !== "absent" || typ === undefined) && tokenTypes.includes(type)) return null;
    return {
      reason: `typ is ${formatValue(typ)}, accepted: ${tokenTypes.join(", ")}`,
      fix: "send the access token, not an ID token; if the issuer types its access tokens so, AUTH_PROVIDER (or AUTH_TOKEN_TYPES)",
    };
  },
});

/** RFC 7515 §4.1.11: an extension that is not understood must be refused; none is understood here, `b64` neither. */
const critical: CreateRule = () => ({
  check: "extensions",
  expects: "no crit, no b64",
  find: ({ header }) =>
    member(header, "crit") === undefined && member(header, "b64") === undefined
      ? null
      : { reason: "the header asks for an extension (crit, b64)" },
});

const keyId: CreateRule = ({ issuers }) => ({
  check: "key id",
  expects: "a kid",
  find: ({ header }) => {
    const kid = member(header, "kid");
    if (typeof kid === "string" && kid !== "") return null;
    // A shared secret is one key: there is nothing to choose.
    if (kid === undefined && issuers.every(({ keys }) => keys.from === "secret")) return null;
    return {
      reason: "the header names no key (kid)",
      fix: "let the issuer name its key in the header, as it does in its key set",
    };
  },
});

const issuer: CreateRule = ({ issuers }) => ({
  check: "issuer",
  expects: formatAlternatives(issuers.map((accepted) => accepted.issuer)),
  find: ({ claims }) => {
    const iss = member(claims, "iss");
    if (issuers.some((accepted) => accepted.issuer === iss)) return null;
    return {
      reason: `iss is ${formatValue(iss)}, accepted: ${formatAlternatives(issuers.map((accepted) => accepted.issuer))}`,
      fix: "if these tokens are meant, AUTH_ISSUER, to the byte (mind a slash at the end)",
    };
  },
});

/** What is looked at before a key is chosen, in this order. */
export const headerRules = (policy: AuthPolicy): readonly TokenRule[] =>
  [algorithm, tokenType, critical, keyId, issuer].map((rule) => rule(policy));
