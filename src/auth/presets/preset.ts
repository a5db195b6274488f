import type { ClaimPath, ClaimRequirement, ScopeClaim } from "../policy.js";

/**
 * A form that the issuer of a provider may have. `{name}` in an address or a row is filled from the pattern's named
 * groups, from `issuer` and `origin`, and else from the setting `AUTH_<PRESET>_<NAME>`.
 */
export type IssuerFormat = Readonly<{
  pattern: RegExp;
  /** Where the discovery document stands, if not at `{issuer}/.well-known/openid-configuration`. */
  discovery?: string;
  /** Where the keys stand when the provider has no discovery for these tokens. */
  jwks?: string;
  requirements?: readonly ClaimRequirement[];
}>;

export type RejectedValue = Readonly<{ pattern: RegExp; reason: string }>;

/**
 * Where the accepted audiences come from; `mend` says what to do at the provider so that tokens have one. `none` names
 * the rule that keeps other services' tokens out instead.
 */
type AudienceSource =
  | Readonly<{ from: "setting"; hint: string; fix?: string; match?: "equals" }>
  | Readonly<{ from: "template"; template: string; match?: "equals" }>
  | Readonly<{ from: "clients" }>
  | Readonly<{ from: "none"; checkedInstead: string }>;

type ClientRule = Readonly<{
  claims: readonly string[];
  /** When `AUTH_CLIENT_IDS` must be set; `when-present` checks the claim only where a token has it. */
  need: "always" | "without-audience" | "optional" | "when-present" | "unused";
}>;

/** What is known of one identity provider's tokens, as data. */
export type Preset = Readonly<{
  settingsPrefix: string;
  exampleIssuer: string;
  issuers: readonly IssuerFormat[];
  rejectedIssuers?: readonly RejectedValue[];
  algorithms: readonly string[];
  tokenTypes: readonly string[];
  audience: AudienceSource;
  rejectedAudiences?: readonly RejectedValue[];
  /** An ID token has the client id as its audience: a client id given as audience would let ID tokens in. */
  audienceIsNeverClientId?: true;
  clients: ClientRule;
  requirements: readonly ClaimRequirement[];
  /** What tells a person from an anonymous user; left out with `AUTH_ALLOW_ANONYMOUS`. */
  notAnonymous?: readonly ClaimRequirement[];
  userIdClaim: string;
  idTokenClaims?: readonly string[];
  scopeClaims: readonly ScopeClaim[];
  expiresWith?: ClaimPath;
  clockToleranceSeconds: number;
}>;

/** What many presets say. */
export const guid = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
export const anyHost = /^https?:\/\/[^/]+$/;
export const anyAddress = /^https?:\/\/.+$/;

export const spaceSeparated = (claim: string): ScopeClaim => ({ claim, format: "space-separated" });
export const array = (claim: string): ScopeClaim => ({ claim, format: "array" });
export const requireSub = (matches: RegExp, reason: string): ClaimRequirement => ({
  claim: "sub",
  matches,
  reason,
});
export const requireClaim = (claim: ClaimPath, reason: string): ClaimRequirement => ({ claim, reason });
