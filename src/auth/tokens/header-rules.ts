import { supportedAlgorithms, toAlgorithm } from "../keys/signing-keys.js";
import type { AuthPolicy, IssuerPolicy } from "../policy.js";
import { idTokenFix, isLikelyIdToken } from "./id-token-claims.js";
import { member, type ReadToken } from "./read-token.js";
import { formatAlternatives, formatValue, type CreateRule, type TokenRule } from "./token-rule.js";

/**
 * Returns the token type in lower case without `application/`: `typ` is compared regardless of case, and the prefix may
 * be omitted (RFC 7515 §4.1.9, RFC 9068 §4).
 */
export const normalizeTokenType = (type: string): string => type.toLowerCase().replace(/^application\//, "");

/**
 * Whether everyone who can verify a token of this algorithm can also create one. `AUTH_ALGORITHMS` does not allow such an
 * algorithm, except HS256 for the preset `supabase-legacy`.
 */
export const isForgeable = (alg: unknown): boolean => typeof alg === "string" && /^(hs\d+|none)$/i.test(alg);

/** Types of tokens that are not access tokens. Accepting one as an access token is cross-JWT confusion (RFC 8725 §2.8). */
export const nonAccessTokenTypes =
  /^(id_token|logout|dpop|secevent|token-introspection|oauth-authz-req|entity-statement|refresh|rt)(\+jwt)?$/;

const usesOnlySecrets = (issuers: readonly IssuerPolicy[]): boolean =>
  issuers.every(({ keys }) => keys.from === "secret");

function toAlgorithmFix(alg: unknown, isSecret: boolean): string {
  if (isSecret) {
    return "the shared secret works only with HS256; if the project uses signing keys, set AUTH_PROVIDER=supabase";
  }
  return typeof alg === "string" && supportedAlgorithms.includes(alg)
    ? "if the issuer signs with this algorithm, set AUTH_ALGORITHMS to a list with it"
    : "configure the issuer to sign the tokens of this API with a supported key pair, for example with RS256 or ES256";
}

const algorithm: CreateRule = ({ algorithms, issuers }) => ({
  check: "algorithm",
  expects: algorithms.join(" or "),
  find: ({ header }) => {
    const alg = member(header, "alg");
    if (typeof alg === "string" && algorithms.some((name) => toAlgorithm(name) === toAlgorithm(alg)))
      return null;
    return {
      reason: `the algorithm (alg) is ${formatValue(alg)}, but must be ${algorithms.join(" or ")}`,
      fix: toAlgorithmFix(alg, usesOnlySecrets(issuers)),
    };
  },
});

/** The characters of a media type (RFC 6838 §4.2). */
const isTokenType = /^[a-z0-9!#$&^_.+-]+$/;

const acceptTypeFix = "if the issuer uses this type for access tokens, set AUTH_PROVIDER or AUTH_TOKEN_TYPES";

/** RFC 9068 §2.1: only an access token has the type `at+jwt`. */
function toTypeFix(type: string | null, token: ReadToken, policy: AuthPolicy): string {
  if (isLikelyIdToken(token, policy)) return idTokenFix;
  if (type === null || nonAccessTokenTypes.test(type)) return "send an access token";
  if (type === "at+jwt") return acceptTypeFix;
  return `send the access token, not an ID token; ${acceptTypeFix}`;
}

/** Returns the type of a token as `AUTH_TOKEN_TYPES` names it, or `null` for what is not a type. */
function readTokenType(typ: unknown): string | null {
  if (typ === undefined) return "absent";
  const type = typeof typ === "string" ? normalizeTokenType(typ) : "";
  // A token whose `typ` is the text "absent" does have a `typ`.
  return isTokenType.test(type) && type !== "absent" ? type : null;
}

const tokenType: CreateRule = (policy) => {
  const { tokenTypes } = policy;
  return {
    check: "token type",
    expects: tokenTypes.join(" or "),
    find: (token) => {
      const typ = member(token.header, "typ");
      const type = readTokenType(typ);
      if (type !== null && tokenTypes.includes(type)) return null;
      return {
        reason: `the token type (typ) is ${formatValue(typ)}, but must be ${tokenTypes.join(" or ")}`,
        fix: toTypeFix(type, token, policy),
      };
    },
  };
};

/** RFC 7515 §4.1.11: a token with an unsupported extension must be rejected. No extension is supported, not even `b64`. */
const extensions: CreateRule = () => ({
  check: "extensions",
  expects: "no crit, no b64",
  find: ({ header }) =>
    member(header, "crit") === undefined && member(header, "b64") === undefined
      ? null
      : { reason: "the header requires an unsupported extension (crit, b64)" },
});

/** RFC 7515 §4.1.4: `kid` is optional. Without it, the issuer must have one key for the algorithm. */
const keyId: CreateRule = () => ({
  check: "key id",
  expects: "a kid, or one key for the algorithm",
  find: ({ header }) => {
    const kid = member(header, "kid");
    if (kid === undefined || typeof kid === "string") return null;
    return {
      reason: "the key id (kid) in the header is not a string",
      fix: "configure the issuer to write the kid from its key set into the token header",
    };
  },
});

const issuerFix =
  "if this is the right issuer, set AUTH_ISSUER to exactly this value, including a trailing slash";

function toIssuerFix(iss: string, { provider, settingProblems }: AuthPolicy): string {
  const problem = settingProblems.issuer(iss);
  return problem === null
    ? issuerFix
    : `check AUTH_PROVIDER=${provider}: as AUTH_ISSUER, this value ${problem}`;
}

const issuer: CreateRule = (policy) => ({
  check: "issuer",
  expects: formatAlternatives(policy.issuers.map((accepted) => accepted.issuer)),
  find: ({ claims }) => {
    const iss = member(claims, "iss");
    if (policy.issuers.some((accepted) => accepted.issuer === iss)) return null;
    const expected = formatAlternatives(policy.issuers.map((accepted) => accepted.issuer));
    return {
      reason: `the issuer (iss) is ${formatValue(iss)}, but must be ${expected}`,
      ...(typeof iss === "string" && { fix: toIssuerFix(iss, policy) }),
    };
  },
});

/** The checks before a key is chosen, in this order. */
export const headerRules = (policy: AuthPolicy): readonly TokenRule[] =>
  [algorithm, tokenType, extensions, keyId, issuer].map((rule) => rule(policy));
