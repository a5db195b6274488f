import { createSecretKey, type KeyObject } from "node:crypto";
import type { SettingsReader } from "../../config/settings-reader.js";
import type { ClaimRequirement, ScopeClaim } from "../policy.js";
import type { PresetName } from "../presets/presets.js";
import { maxLifetimeLimitSeconds } from "../tokens/time-rules.js";

/** The additions to a policy from the settings of its preset. */
export type PresetSettings = {
  requirements?: readonly ClaimRequirement[];
  /** For `{name}` placeholders that do not have their own setting. */
  values?: Readonly<Record<string, string>>;
  secret?: KeyObject;
  maxLifetimeSeconds?: number;
  scopeClaims?: readonly ScopeClaim[];
  warnings?: readonly string[];
};

type ReadPresetSettings = (reader: SettingsReader) => PresetSettings;

/**
 * `AUTH_CLERK_ORIGINS`: origins of web apps, as in `azp`. `AUTH_CLERK_NATIVE`: accepts native apps, whose tokens have no
 * `azp`.
 */
const clerk: ReadPresetSettings = (reader) => {
  const origins = reader.list("AUTH_CLERK_ORIGINS");
  const native = reader.boolean("AUTH_CLERK_NATIVE");
  for (const origin of origins.filter((text) => !/^[a-z][a-z0-9+.-]*:\/\/[^/*\s]+$/.test(text))) {
    reader.problem("AUTH_CLERK_ORIGINS", `"${origin}" is not an origin such as https://app.example.com`);
  }
  if (origins.length === 0 && !native) {
    reader.problem(
      "AUTH_CLERK_ORIGINS",
      "is required, because Clerk's session tokens have no audience: set the origins of your web apps; " +
        "for native apps set AUTH_CLERK_NATIVE=true instead or as well",
    );
  }
  const reason = native
    ? "the token was issued for another origin"
    : "the token was issued for another origin or for a native app; to accept native apps, set AUTH_CLERK_NATIVE=true";
  return { requirements: [{ claim: "azp", is: origins, reason, ...(native ? { optional: true } : {}) }] };
};

const assuranceLevels = ["aal1", "aal2", "aal3"] as const;

/** `AUTH_SUPABASE_MIN_AAL`: the lowest accepted authenticator assurance level of a session; `aal1` by default. */
const supabase: ReadPresetSettings = (reader) => {
  const lowest = reader.choice("AUTH_SUPABASE_MIN_AAL", assuranceLevels, "aal1");
  if (lowest === "aal1") return {};
  const is = assuranceLevels.slice(assuranceLevels.indexOf(lowest));
  return {
    requirements: [
      { claim: "aal", is, reason: "the sign-in was not strong enough for AUTH_SUPABASE_MIN_AAL" },
    ],
  };
};

/** `AUTH_SUPABASE_JWT_SECRET` (or `_FILE`): the project's legacy JWT secret. Its UTF-8 bytes are the key. */
const supabaseLegacy: ReadPresetSettings = (reader) => {
  const name = "AUTH_SUPABASE_JWT_SECRET";
  const text = reader.requiredSecret(
    name,
    "the project's legacy JWT secret; signing keys (AUTH_PROVIDER=supabase) are safer",
  );
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length > 0 && bytes.length < 32) {
    reader.problem(name, "must have at least 32 bytes; a shorter secret can be guessed from one token");
  }
  return {
    ...supabase(reader),
    secret: createSecretKey(bytes),
    warnings: [
      "anyone who has AUTH_SUPABASE_JWT_SECRET can also create tokens: move the project to signing keys and AUTH_PROVIDER=supabase",
    ],
  };
};

/** `AUTH_FIREBASE_TENANT`: the Identity Platform tenant. Without it, tokens that belong to a tenant are rejected. */
const firebase: ReadPresetSettings = (reader) => {
  const tenant = reader.text("AUTH_FIREBASE_TENANT");
  const claim = ["firebase", "tenant"];
  return {
    requirements: [
      tenant === undefined
        ? {
            claim,
            absent: true,
            reason: "the token belongs to a tenant; to accept it, set AUTH_FIREBASE_TENANT",
          }
        : { claim, is: [tenant], reason: "the token belongs to another tenant" },
    ],
  };
};

/** `AUTH_STYTCH_B2B`: accepts members of organizations instead of consumers. */
const stytch: ReadPresetSettings = (reader) => {
  const isB2b = reader.boolean("AUTH_STYTCH_B2B");
  return {
    values: { sessions: isB2b ? "b2b/sessions" : "sessions" },
    requirements: [
      isB2b
        ? { claim: "sub", matches: /^member-/, reason: "the subject is not a member of an organization" }
        : {
            claim: "sub",
            matches: /^user-/,
            reason: "the subject is not a consumer; for members, set AUTH_STYTCH_B2B=true",
          },
    ],
  };
};

/** `AUTH_DESCOPE_MAX_LIFETIME_SECONDS`: a limit between the lifetimes of session tokens and of refresh tokens. */
const descope: ReadPresetSettings = (reader) => ({
  maxLifetimeSeconds: reader.integer("AUTH_DESCOPE_MAX_LIFETIME_SECONDS", {
    default: 1800,
    min: 60,
    max: maxLifetimeLimitSeconds,
  }),
});

/** `AUTH_CUSTOM_SCOPE_CLAIM`: the claim with the scopes, one string or an array; `scope` by default. */
const custom: ReadPresetSettings = (reader) => ({
  scopeClaims: [
    { claim: reader.text("AUTH_CUSTOM_SCOPE_CLAIM") ?? "scope", format: "space-separated-or-array" },
  ],
});

const readersByPreset: Partial<Record<PresetName, ReadPresetSettings>> = {
  clerk,
  supabase,
  "supabase-legacy": supabaseLegacy,
  firebase,
  stytch,
  descope,
  custom,
};

export const readPresetSettings = (provider: PresetName, reader: SettingsReader): PresetSettings =>
  readersByPreset[provider]?.(reader) ?? {};
