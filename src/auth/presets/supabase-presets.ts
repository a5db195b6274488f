import { guid, requireClaim, requireSub, type Preset } from "./preset.js";

const uuidPattern = new RegExp(`^${guid}$`);

const supabase = {
  settingsPrefix: "AUTH_SUPABASE",
  exampleIssuer: "https://abcdefgh.supabase.co/auth/v1",
  issuers: [{ pattern: /^https?:\/\/[^/]+\/auth\/v1$/ }],
  tokenTypes: ["jwt"],
  // All projects share the audience: the issuer and its keys separate them. The role distinguishes users from API keys.
  audience: { from: "template", template: "authenticated" },
  clients: { claims: ["client_id"], need: "when-present" },
  requirements: [
    { claim: "role", is: ["authenticated"], reason: "an API key (anon, service_role) is not a user" },
    requireClaim("session_id", "the token does not belong to a session"),
    requireSub(uuidPattern, "a Supabase user id is a UUID"),
  ],
  notAnonymous: [
    {
      claim: "is_anonymous",
      optional: true,
      is: [false],
      reason: "the user is anonymous; see AUTH_ALLOW_ANONYMOUS",
    },
  ],
  userIdClaim: "sub",
  scopeClaims: [],
  clockToleranceSeconds: 30,
} as const;

/** Supabase Auth, with signing keys and with the older shared secret. Source: its documentation and source code. */
export const supabasePresets = {
  supabase: { ...supabase, algorithms: ["ES256", "RS256", "EdDSA"] },

  "supabase-legacy": { ...supabase, algorithms: ["HS256"] },
} as const satisfies Record<string, Preset>;
