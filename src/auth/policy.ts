import type { KeyObject } from "node:crypto";

/** The name of a claim, or the way to one inside an object claim: `["firebase", "tenant"]`. */
export type ClaimPath = string | readonly string[];

/**
 * One test of one claim (or header parameter), as data. A claim must be there unless the test says `optional` or
 * `absent`; every other member narrows its value. Text in `is` may hold `{name}` places until settings are read.
 */
export type ClaimCondition = Readonly<{
  claim: ClaimPath;
  in?: "header";
  /** Passes where the claim is missing. */
  optional?: true;
  /** Passes only where the claim is missing. */
  absent?: true;
  /** Exactly one of these values. */
  is?: readonly (string | boolean)[];
  /** None of these values, alone or as a member of an array. */
  isNot?: readonly string[];
  /** A string of this form, or not of that form. */
  matches?: RegExp;
  matchesNot?: RegExp;
  /** A string of at most so many characters. */
  maxLength?: number;
  /** An instant (seconds) that is not ahead of the clock. */
  past?: true;
}>;

/** A test, or several of which one is enough. `because` says for the log what a token that fails here is. */
export type ClaimRequirement = Readonly<
  { reason: string } & (ClaimCondition | { anyOf: readonly ClaimCondition[] })
>;

/** How a provider writes scopes. `words`: one string with spaces; `list`: an array; `names`: the keys of an object. */
export type ScopeClaim = Readonly<{
  claim: string;
  format: "space-separated" | "array" | "space-separated-or-array" | "object-keys";
}>;

/** Where the keys of one issuer come from. The secret is a key object so that nothing can print it by accident. */
export type KeySource =
  | Readonly<{ from: "discovery"; url: string }>
  | Readonly<{ from: "jwks"; url: string }>
  | Readonly<{ from: "secret"; secret: KeyObject }>;

/** One issuer whose tokens are accepted, compared byte for byte. */
export type IssuerPolicy = Readonly<{
  issuer: string;
  keys: KeySource;
  /** Accepted `aud`; empty where the audience rule is `absent`. */
  audiences: readonly string[];
  /** Requirements on tokens of this issuer alone, such as its tenant. */
  requirements: readonly ClaimRequirement[];
}>;

/**
 * `contains`: `aud` is, or has among its members, one of the issuer's audiences. `equals`: it is that one string.
 * `absent`: there is none (RFC 7519 §4.1.3 forbids to take a token whose audience one is not), and another rule,
 * `checkedInsteadOfAudience`, keeps the tokens of other services out.
 */
export type AudienceRule = "contains" | "equals" | "absent";

/** Which tokens make a viewer: a preset with the settings laid over it. Plain, frozen, complete. */
export type AuthPolicy = Readonly<{
  provider: string;
  issuers: readonly IssuerPolicy[];
  algorithms: readonly string[];
  /** Accepted `typ`, lower case, without `application/`; `absent` stands for none. */
  tokenTypes: readonly string[];
  audienceRule: AudienceRule;
  checkedInsteadOfAudience?: string;
  /** For the operator: what to do about a token with another audience. */
  audienceFix: string;
  userIdClaim: string;
  /** Where the client that asked for the token stands, and which clients are accepted (empty: not looked at). */
  clientClaims: readonly string[];
  clientIds: readonly string[];
  /** `required`: at least one client claim must be there; `when-present`: a token without one passes. */
  clientPresence: "required" | "when-present" | "unchecked";
  requirements: readonly ClaimRequirement[];
  /** Marks of an ID token (`at_hash`, `c_hash`, `nonce`) that this provider's accepted tokens may carry. */
  idTokenClaims: readonly string[];
  scopeClaims: readonly ScopeClaim[];
  requiredScope?: string;
  allowActor: boolean;
  /** Another claim that ends the token's life: an ISO 8601 instant or seconds. */
  expiresWith?: ClaimPath;
  maxLifetimeSeconds?: number;
  clockToleranceSeconds: number;
  /** Keys may be fetched over plain http beyond loopback. */
  allowHttp: boolean;
  /** For the start-up log. */
  warnings: readonly string[];
}>;
