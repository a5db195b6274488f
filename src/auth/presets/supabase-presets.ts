import { requireClaim, type Preset } from "./preset.js";
import { userIdFormats } from "./user-id-formats.js";

const supabase = {
  settingsPrefix: "AUTH_SUPABASE",
  exampleIssuer: "https://abcdefgh.supabase.co/auth/v1",
  issuers: [{ pattern: /^https?:\/\/[^/]+\/auth\/v1$/ }],
  tokenTypes: ["jwt"],
  // All projects share the audience. The issuer and its keys distinguish projects, and the role users from API keys.
  audience: { from: "template", template: "authenticated" },
  clients: { claims: ["client_id"], need: "when-present" },
  requirements: [
    {
      claim: "role",
      is: ["authenticated"],
      reason: "the role is not that of a user: the token may be an API key (anon, service_role)",
    },
    requireClaim("session_id", "the token does not belong to a session"),
  ],
  notAnonymous: [
    {
      claim: "is_anonymous",
      optional: true,
      is: [false],
      reason: "the user is anonymous; to accept anonymous users, set AUTH_ALLOW_ANONYMOUS=true",
    },
  ],
  userIdClaim: "sub",
  userIdFormat: userIdFormats.uuid,
  scopeClaims: [],
  clockToleranceSeconds: 30,
} as const;

/** Supabase Auth, with signing keys and with the older shared secret. Source: its documentation and source code. */
export const supabasePresets = {
  supabase: { ...supabase, algorithms: ["ES256", "RS256", "EdDSA"] },

  "supabase-legacy": { ...supabase, algorithms: ["HS256"] },
} as const satisfies Record<string, Preset>;
