import type { KeyObject } from "node:crypto";

/** The name of a claim, or the path to a member of an object claim: `["firebase", "tenant"]`. */
export type ClaimPath = string | readonly string[];

/**
 * A condition on one claim (or header parameter), as data. The claim must be present unless the condition is `optional`
 * or `absent`. Every other member restricts its value. Text in `is` may contain `{name}` placeholders until the settings
 * are read.
 */
export type ClaimCondition = Readonly<{
  claim: ClaimPath;
  in?: "header";
  /** Passes when the claim is missing. */
  optional?: true;
  /** Passes only when the claim is missing. */
  absent?: true;
  /** Exactly one of these values. */
  is?: readonly (string | boolean)[];
  /** None of these values, alone or as a member of an array. */
  isNot?: readonly string[];
  /** A string that matches this pattern. */
  matches?: RegExp;
  /** A string that does not match this pattern. */
  matchesNot?: RegExp;
  /** A string of at most this many characters. */
  maxLength?: number;
  /** A time in seconds that is not in the future. */
  past?: true;
}>;

/** A condition, or several of which at least one must pass. The log shows `reason` when a token does not pass. */
export type ClaimRequirement = Readonly<
  { reason: string } & (ClaimCondition | { anyOf: readonly ClaimCondition[] })
>;

/** The format of a provider's user ids. */
export type UserIdFormat = Readonly<{
  /** The group `own`, where there is one, is the part of the id that belongs to one user. */
  pattern: RegExp;
  /** For an operator. */
  description: string;
}>;

/** A claim that contains scopes, and its format. */
export type ScopeClaim = Readonly<{
  claim: string;
  format: "space-separated" | "array" | "space-separated-or-array" | "object-keys";
}>;

/** Where the keys of one issuer come from. The secret is a key object, so that it is never printed by accident. */
export type KeySource =
  | Readonly<{ from: "discovery"; url: string }>
  | Readonly<{ from: "jwks"; url: string }>
  | Readonly<{ from: "secret"; secret: KeyObject }>;

/** An issuer whose tokens are accepted. `iss` is compared byte for byte. */
export type IssuerPolicy = Readonly<{
  issuer: string;
  keys: KeySource;
  /** Accepted `aud`. Empty when the audience rule is `absent`. */
  audiences: readonly string[];
  /** Requirements only for tokens of this issuer, such as its tenant. */
  requirements: readonly ClaimRequirement[];
}>;

/**
 * `contains`: `aud` is one of the issuer's audiences, or an array that contains one. `equals`: `aud` is one of them, and
 * not an array. `absent`: `aud` must be missing or empty, because RFC 7519 §4.1.3 forbids accepting a token for another
 * audience. Another rule, which `checkedInsteadOfAudience` describes, rejects tokens for other services.
 */
export type AudienceRule = "contains" | "equals" | "absent";

/** Defines which tokens authenticate a viewer: a preset with the settings applied. Frozen and complete. */
export type AuthPolicy = Readonly<{
  provider: string;
  issuers: readonly IssuerPolicy[];
  algorithms: readonly string[];
  /** Accepted `typ`, in lower case, without `application/`. `absent` means a token without `typ`. */
  tokenTypes: readonly string[];
  audienceRule: AudienceRule;
  checkedInsteadOfAudience?: string;
  /** The suggested fixes, for an operator, for a token without an audience and for one with another audience. */
  audienceFixes: Readonly<{
    missing: string;
    other: string;
    /** For an audience that the setting rejects, or one that is not a text. */
    unacceptable: string;
  }>;
  /**
   * Why a setting rejects a value, or `null` if the setting may have it. A suggested fix never adds a value that the
   * setting rejects.
   */
  settingProblems: Readonly<{
    issuer(value: string): string | null;
    audience(value: string): string | null;
    client(value: string): string | null;
  }>;
  userIdClaim: string;
  /** Contains the user id in tokens without `userIdClaim`. */
  userIdFallbackClaim?: string;
  /** Not set for a claim of the operator's own choice. Values that many users share are rejected in every claim. */
  userIdFormat?: UserIdFormat;
  /** How to get the user id claim into the tokens of this provider, for an operator. */
  userIdFix: string;
  /** What to set if the user ids have another format. */
  userIdFormatFix: string;
  /** The claims that name the client that requested the token. */
  clientClaims: readonly string[];
  /** The accepted clients. `clientPresence` says whether they are checked. */
  clientIds: readonly string[];
  /** `required`: at least one client claim must be present. `when-present`: a token without one passes. */
  clientPresence: "required" | "when-present" | "unchecked";
  requirements: readonly ClaimRequirement[];
  /** Claims of an ID token (`at_hash`, `c_hash`, `nonce`) that this provider's accepted tokens may have. */
  idTokenClaims: readonly string[];
  scopeClaims: readonly ScopeClaim[];
  requiredScope?: string;
  allowActor: boolean;
  /** A second claim with an expiry, as an ISO 8601 time or in seconds. The token expires at the earlier of it and `exp`. */
  expiresWith?: ClaimPath;
  maxLifetimeSeconds?: number;
  clockToleranceSeconds: number;
  /** Allows fetching keys over plain http from hosts other than loopback. */
  allowHttp: boolean;
  /** Logged at startup. */
  warnings: readonly string[];
}>;
