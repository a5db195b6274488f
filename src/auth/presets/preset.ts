import type { ClaimPath, ClaimRequirement, ScopeClaim, UserIdFormat } from "../policy.js";

/**
 * A format of a provider's issuers. The value of a placeholder `{name}` in a URL or a requirement is a named group of the
 * pattern, a value from the preset's settings, or the `issuer` or its `origin`. Otherwise it is the setting
 * `AUTH_<PRESET>_<NAME>`.
 */
export type IssuerFormat = Readonly<{
  pattern: RegExp;
  /** URL of the discovery document, if not `{issuer}/.well-known/openid-configuration`. */
  discovery?: string;
  /** URL of the key set, if the provider has no discovery for these tokens. */
  jwks?: string;
  requirements?: readonly ClaimRequirement[];
}>;

/** A value that must not be configured, and why. */
type RejectedValue = Readonly<{ pattern: RegExp; reason: string }>;

/**
 * The source of the accepted audiences. `fix` says how to configure the provider so that tokens have the audience.
 * `none`: the tokens have no audience, and the rule in `checkedInstead` rejects tokens for other services.
 */
type AudienceSource =
  | Readonly<{ from: "setting"; hint: string; fix?: string; match?: "equals" }>
  | Readonly<{ from: "template"; template: string; match?: "equals" }>
  | Readonly<{ from: "clients"; fix: string }>
  | Readonly<{ from: "none"; checkedInstead: string }>;

type ClientRule = Readonly<{
  claims: readonly string[];
  /** Whether `AUTH_CLIENT_IDS` must be set. `when-present` checks the claim only in tokens that have it. */
  need: "always" | "without-audience" | "optional" | "when-present" | "unused";
}>;

/** Describes the tokens of one identity provider, as data. */
export type Preset = Readonly<{
  settingsPrefix: string;
  exampleIssuer: string;
  issuers: readonly IssuerFormat[];
  rejectedIssuers?: readonly RejectedValue[];
  algorithms: readonly string[];
  tokenTypes: readonly string[];
  audience: AudienceSource;
  rejectedAudiences?: readonly RejectedValue[];
  /** The audience of an ID token is the client id. A client id in `AUTH_AUDIENCE` would therefore accept ID tokens. */
  audienceIsNeverClientId?: true;
  clients: ClientRule;
  requirements: readonly ClaimRequirement[];
  /** Rejects anonymous users. Not applied with `AUTH_ALLOW_ANONYMOUS`. */
  notAnonymous?: readonly ClaimRequirement[];
  userIdClaim: string;
  /** Contains the user id in tokens without `userIdClaim`. */
  userIdFallbackClaim?: string;
  userIdFormat: UserIdFormat;
  /** How to get the user id claim into the tokens. */
  userIdFix?: string;
  idTokenClaims?: readonly string[];
  scopeClaims: readonly ScopeClaim[];
  expiresWith?: ClaimPath;
  clockToleranceSeconds: number;
}>;

export const guid = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
export const anyHost = /^https?:\/\/[^/]+$/;
export const anyHttpUrl = /^https?:\/\/.+$/;

export const spaceSeparated = (claim: string): ScopeClaim => ({ claim, format: "space-separated" });
export const array = (claim: string): ScopeClaim => ({ claim, format: "array" });
export const requireSub = (matches: RegExp, reason: string): ClaimRequirement => ({
  claim: "sub",
  matches,
  reason,
});
export const requireClaim = (claim: ClaimPath, reason: string): ClaimRequirement => ({ claim, reason });
