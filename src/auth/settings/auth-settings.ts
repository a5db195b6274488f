import type { SettingsReader } from "../../config/settings-reader.js";
import { supportedAlgorithms } from "../keys/signing-keys.js";
import {
  createValueProblems,
  isClientProblem,
  readAudiences,
  readExactList,
  toAudienceFixes,
  toAudienceRule,
} from "./audience-settings.js";
import { findIssuerProblem, readIssuers } from "./issuer-settings.js";
import type { AuthPolicy, ScopeClaim } from "../policy.js";
import { readPresetSettings } from "./preset-settings.js";
import type { Preset } from "../presets/preset.js";
import { presetNames, presets, type PresetName } from "../presets/presets.js";
import { isForgeable, nonAccessTokenTypes, normalizeTokenType } from "../tokens/header-rules.js";
import { readUserId } from "./user-id-claim.js";

function readAlgorithms(provider: PresetName, preset: Preset, reader: SettingsReader): readonly string[] {
  const configured = reader.list("AUTH_ALGORITHMS");
  const isLegacy = provider === "supabase-legacy";
  const allowed = isLegacy ? preset.algorithms : supportedAlgorithms;
  for (const algorithm of configured.filter((name) => !allowed.includes(name))) {
    const reason = isLegacy
      ? "the shared secret works with HS256 only; for signing keys, use AUTH_PROVIDER=supabase"
      : isForgeable(algorithm)
        ? "anyone who can verify such a token can also create one"
        : "it is not supported";
    reader.problem(
      "AUTH_ALGORITHMS",
      `"${algorithm}" is not allowed: ${reason}; use one or more of ${allowed.join(", ")}`,
    );
  }
  if (configured.length === 0 && preset.algorithms.length === 0) {
    reader.problem(
      "AUTH_ALGORITHMS",
      "is required: the algorithms that your issuer signs with, for example RS256",
    );
  }
  return configured.length > 0 ? configured : preset.algorithms;
}

/** Reads `AUTH_TOKEN_TYPES`, where `absent` means a token without `typ`. */
function readTokenTypes(preset: Preset, reader: SettingsReader): readonly string[] {
  const configured = reader.list("AUTH_TOKEN_TYPES").map(normalizeTokenType);
  for (const type of configured.filter((name) => nonAccessTokenTypes.test(name))) {
    reader.problem(
      "AUTH_TOKEN_TYPES",
      `"${type}" is not allowed: it is not the type of an access token; use one or more of at+jwt, JWT, absent`,
    );
  }
  if (configured.length === 0 && preset.tokenTypes.length === 0) {
    reader.problem(
      "AUTH_TOKEN_TYPES",
      "is required: the typ of your tokens, for example at+jwt or JWT, or absent",
    );
  }
  return configured.length > 0 ? configured : preset.tokenTypes;
}

function readClientIds(preset: Preset, hasAudience: boolean, reader: SettingsReader): string[] {
  const clientIds = readExactList("AUTH_CLIENT_IDS", reader);
  const { need } = preset.clients;
  if (need === "unused" && clientIds.length > 0) {
    reader.problem(
      "AUTH_CLIENT_IDS",
      "must not be set, because the tokens of this provider do not name their client",
    );
  }
  if (clientIds.length === 0 && need === "always") {
    reader.problem(
      "AUTH_CLIENT_IDS",
      "is required: the client ids of your apps; without it, tokens for other apps or for machines would be accepted",
    );
  }
  if (clientIds.length === 0 && need === "without-audience" && !hasAudience) {
    reader.problem(
      "AUTH_AUDIENCE",
      "is required (or AUTH_CLIENT_IDS, if the tokens have no aud): without either, tokens for other services would be accepted",
    );
  }
  return clientIds;
}

function toClientPresence(preset: Preset, clientIds: readonly string[]): AuthPolicy["clientPresence"] {
  if (preset.clients.claims.length === 0) return "unchecked";
  if (preset.clients.need === "when-present") return "when-present";
  return clientIds.length > 0 ? "required" : "unchecked";
}

function readRequiredScope(scopeClaims: readonly ScopeClaim[], reader: SettingsReader): string | undefined {
  const scope = reader.text("AUTH_REQUIRED_SCOPE");
  if (scope === undefined) return undefined;
  if (scopeClaims.length === 0) {
    reader.problem(
      "AUTH_REQUIRED_SCOPE",
      "must not be set, because the tokens of this provider have no scopes",
    );
  }
  // RFC 6749 §3.3: a scope token is printable ASCII without space, quote and backslash.
  if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)) {
    reader.problem("AUTH_REQUIRED_SCOPE", "must be one scope: printable ASCII without spaces and quotes");
  }
  return scope;
}

const severalIssuersWarning =
  "AUTH_ISSUER names several issuers: a user id must identify the same person at each of them, or one person gets the " +
  "health data of another; for separate sets of users, run one gateway for each";

const allowNonceWarning =
  "AUTH_ALLOW_NONCE=true: an ID token of another app is then rejected only for its audience; AUTH_AUDIENCE must not name a client";

/**
 * Reads `AUTH_ALLOW_NONCE`: accepts access tokens with a nonce, which some issuers write into them (ForgeRock, older
 * Keycloak). An ID token is then recognized by its audience, which is the client, so there must be an audience rule.
 */
function readAllowNonce(hasAudience: boolean, reader: SettingsReader): boolean {
  const allowNonce = reader.boolean("AUTH_ALLOW_NONCE");
  if (allowNonce && !hasAudience) {
    reader.problem(
      "AUTH_ALLOW_NONCE",
      "needs AUTH_AUDIENCE: without an audience, only the nonce distinguishes ID tokens from access tokens",
    );
  }
  return allowNonce;
}

/** Freezes plain data at every level. Instances of classes (keys, patterns) are not frozen. */
function deepFreeze<T>(value: T): T {
  const isData =
    Array.isArray(value) ||
    (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype);
  if (isData) for (const member of Object.values(Object.freeze(value) as object)) deepFreeze(member);
  return value;
}

/**
 * Reads every `AUTH_*` setting. `AUTH_PROVIDER` names a preset, and each other setting overrides one of its values.
 *
 * Reports all problems to the reader. The returned policy is valid only when there are none. A combination that would
 * accept tokens for other services is a problem: neither an audience nor a client, a wildcard, an issuer for all
 * tenants, or an algorithm with a shared secret (except for the preset `supabase-legacy`).
 */
export function readAuthSettings(reader: SettingsReader): AuthPolicy {
  const provider = reader.choice("AUTH_PROVIDER", presetNames, "rfc9068");
  const preset: Preset = presets[provider];
  const allowHttp = reader.boolean("AUTH_ALLOW_HTTP");
  const presetSettings = readPresetSettings(provider, reader);
  const configuredAudiences = readAudiences(preset, reader);
  const clientIds = readClientIds(preset, configuredAudiences.length > 0, reader);
  const audiences = preset.audience.from === "clients" ? clientIds : configuredAudiences;
  if (preset.audienceIsNeverClientId === true) {
    for (const id of audiences.filter((audience) => clientIds.includes(audience)))
      reader.problem("AUTH_AUDIENCE", `"${id}" ${isClientProblem}`);
  }
  const userId = readUserId(preset, reader);
  const scopeClaims = (presetSettings.scopeClaims ?? preset.scopeClaims).flatMap(
    ({ claim, format }): ScopeClaim[] =>
      claim.includes("{audience}")
        ? audiences.map((audience) => ({ claim: claim.replaceAll("{audience}", () => audience), format }))
        : [{ claim, format }],
  );
  const requiredScope = readRequiredScope(presetSettings.scopeClaims ?? preset.scopeClaims, reader);
  const allowAnonymous = reader.boolean("AUTH_ALLOW_ANONYMOUS");
  const allowNonce = readAllowNonce(audiences.length > 0 || preset.audience.from === "template", reader);
  const issuers = readIssuers(reader, { preset, presetSettings, audiences, allowHttp });

  return deepFreeze<AuthPolicy>({
    provider,
    issuers,
    algorithms: readAlgorithms(provider, preset, reader),
    tokenTypes: readTokenTypes(preset, reader),
    audienceRule: toAudienceRule(preset, audiences),
    audienceFixes: toAudienceFixes(preset, { configured: configuredAudiences, clientIds }),
    settingProblems: {
      issuer: (value) => findIssuerProblem(value, preset, allowHttp),
      ...createValueProblems(preset, { audiences, clientIds }),
    },
    ...(preset.audience.from === "none" && { checkedInsteadOfAudience: preset.audience.checkedInstead }),
    ...userId.settings,
    clientClaims: preset.clients.claims,
    clientIds,
    clientPresence: toClientPresence(preset, clientIds),
    requirements: [
      ...(presetSettings.requirements ?? []),
      ...(allowAnonymous ? [] : (preset.notAnonymous ?? [])),
    ],
    idTokenClaims: [...(preset.idTokenClaims ?? []), ...(allowNonce ? ["nonce"] : [])],
    scopeClaims,
    ...(requiredScope !== undefined && { requiredScope }),
    allowActor: reader.boolean("AUTH_ALLOW_ACTOR"),
    ...(preset.expiresWith !== undefined && { expiresWith: preset.expiresWith }),
    ...(presetSettings.maxLifetimeSeconds !== undefined && {
      maxLifetimeSeconds: presetSettings.maxLifetimeSeconds,
    }),
    clockToleranceSeconds: reader.integer("AUTH_CLOCK_TOLERANCE_SECONDS", {
      default: preset.clockToleranceSeconds,
      min: 0,
      max: 120,
    }),
    allowHttp,
    warnings: [
      ...(presetSettings.warnings ?? []),
      ...userId.warnings,
      ...(issuers.length > 1 ? [severalIssuersWarning] : []),
      ...(allowNonce ? [allowNonceWarning] : []),
      ...(allowHttp
        ? ["AUTH_ALLOW_HTTP=true: anyone on the network path to the issuer can replace the keys"]
        : []),
    ],
  });
}
