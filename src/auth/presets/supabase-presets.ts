import { guid, requireClaim, requireSub, type Preset } from "./preset.js";

const uuidPattern = new RegExp(`^${guid}$`);

const supabase = {
  settingsPrefix: "AUTH_SUPABASE",
  exampleIssuer: "https://abcdefgh.supabase.co/auth/v1",
  issuers: [{ pattern: /^https?:\/\/[^/]+\/auth\/v1$/ }],
  tokenTypes: ["jwt"],
  // The audience is the same in all projects: the issuer and its keys tell them apart, the role tells users from API keys.
  audience: { from: "template", template: "authenticated" },
  clients: { claims: ["client_id"], need: "when-present" },
  requirements: [
    { claim: "role", is: ["authenticated"], reason: "an API key (anon, service_role) is no user" },
    requireClaim("session_id", "a token of a signed-in user belongs to a session"),
    requireSub(uuidPattern, "a Supabase user id is a UUID"),
  ],
  notAnonymous: [
    {
      claim: "is_anonymous",
      optional: true,
      is: [false],
      reason: "an anonymous user; see AUTH_ALLOW_ANONYMOUS",
    },
  ],
  userIdClaim: "sub",
  scopeClaims: [],
  clockToleranceSeconds: 30,
} as const;

/** Supabase Auth, with signing keys and with the older shared secret. Facts: its documentation and source. */
export const supabasePresets = {
  supabase: { ...supabase, algorithms: ["ES256", "RS256", "EdDSA"] },

  "supabase-legacy": { ...supabase, algorithms: ["HS256"] },
} as const satisfies Record<string, Preset>;
