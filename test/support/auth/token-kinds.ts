import type { PresetName } from "../../../src/auth/presets/presets.js";
import { now, type Claims } from "./provider-cases.js";

/** Changes of a provider's valid token. `undefined` removes a claim or header parameter. */
type Change = { header?: Claims; claims: Claims };

/**
 * What a provider writes into the access tokens and ID tokens of one sign-in, besides the claims of the provider's case.
 * Sources: each provider's documentation of its tokens, and samples in it.
 */
export type TokenKinds = {
  /** Every other claim that an access token of the provider can have. */
  access: Change;
  /**
   * The ID tokens of the provider: as it issues them, and with the audience of the API where an operator can configure
   * that. Each must be rejected, also with these settings.
   */
  id: ({ name: string; settings?: Record<string, string>; reason: RegExp } & Change)[];
  /** Why there is no ID token to reject. */
  noIdToken?: string;
};

const profile = {
  name: "Ann Lee",
  given_name: "Ann",
  family_name: "Lee",
  email: "ann@example.com",
  email_verified: true,
  picture: "https://example.com/ann.png",
  preferred_username: "ann",
};
const hashes = { at_hash: "uyN3cWhWRGOnUmLYPDkNwA", nonce: "n-0S6_WzA2Mj" };
const authTime = { auth_time: now - 20 };
/** Entra writes these into both kinds of token. */
const entraInternals = { aio: "AWQA", rh: "0.AX", uti: "u1", ...profile };

export const tokenKinds: Record<PresetName, TokenKinds> = {
  rfc9068: {
    access: {
      claims: {
        ...authTime,
        ...profile,
        acr: "1",
        amr: ["pwd"],
        groups: ["g"],
        roles: ["r"],
        scope: "openid",
      },
    },
    id: [
      {
        name: "of the app",
        header: { typ: "JWT" },
        claims: { aud: "app", client_id: undefined, jti: undefined, ...hashes, ...authTime, ...profile },
        reason: /^the token type \(typ\) is "JWT"/,
      },
      {
        name: "of the app, without typ and hashes, with its client as AUTH_AUDIENCE",
        header: { typ: undefined },
        claims: { aud: "app", client_id: undefined },
        settings: { AUTH_AUDIENCE: "app" },
        reason: /^the token type \(typ\) is missing/,
      },
    ],
  },
  auth0: {
    access: {
      claims: {
        gty: "password",
        permissions: ["vital:token"],
        org_id: "org_1",
        org_name: "team",
        "https://example.com/email": "ann@example.com",
      },
    },
    id: [
      {
        name: "of the app",
        claims: {
          aud: "mobile-app",
          azp: undefined,
          scope: undefined,
          sid: "s1",
          updated_at: "2026-11-22T09:00:00Z",
          ...hashes,
          ...authTime,
          ...profile,
        },
        reason: /^the audience \(aud\) is "mobile-app"/,
      },
      {
        name: "without nonce, with its client as AUTH_AUDIENCE",
        claims: { aud: "mobile-app", azp: undefined, scope: undefined, ...profile },
        settings: { AUTH_AUDIENCE: "mobile-app" },
        reason: /does not name its client/,
      },
    ],
  },
  clerk: {
    access: {
      claims: { jti: "j1", fva: [0, -1], pla: "u:free", fea: "u:export", o: { id: "org_1", rol: "admin" } },
    },
    id: [
      {
        name: "of its OAuth server",
        header: { cat: undefined },
        claims: {
          aud: "oauth-app",
          sid: undefined,
          sts: undefined,
          v: undefined,
          jti: "j1",
          ...hashes,
          ...profile,
        },
        reason: /^the audience \(aud\) is "oauth-app"/,
      },
      {
        name: "of its OAuth server, with its client as AUTH_AUDIENCE",
        header: { cat: undefined },
        claims: { aud: "oauth-app", sid: undefined, sts: undefined, v: undefined },
        settings: { AUTH_AUDIENCE: "oauth-app" },
        reason: /no session/,
      },
    ],
  },
  "clerk-oauth": {
    access: { claims: { nbf: now - 10, scp: ["profile"], sid: "sess_1" } },
    id: [
      {
        name: "of the app",
        header: { typ: "JWT" },
        claims: { aud: "oauth-app", client_id: undefined, scope: undefined, ...hashes, ...profile },
        reason: /^the token type \(typ\) is "JWT"/,
      },
    ],
  },
  cognito: {
    access: {
      claims: { ...authTime, jti: "j1", origin_jti: "o1", event_id: "e1", version: 2, device_key: "d1" },
    },
    id: [
      {
        name: "of the app",
        claims: {
          aud: "4hp23example",
          token_use: "id",
          client_id: undefined,
          username: undefined,
          scope: undefined,
          "cognito:username": "ann",
          origin_jti: "o1",
          event_id: "e1",
          ...hashes,
          ...authTime,
          ...profile,
        },
        reason: /^the audience \(aud\) is "4hp23example"/,
      },
      {
        name: "with its client as AUTH_AUDIENCE, and every claim of an access token",
        claims: { aud: "4hp23example", token_use: "id" },
        settings: { AUTH_AUDIENCE: "4hp23example" },
        reason: /only access tokens/,
      },
    ],
  },
  "cognito-id": {
    access: {
      claims: {
        ...hashes,
        ...authTime,
        ...profile,
        c_hash: "c",
        origin_jti: "o1",
        event_id: "e1",
        jti: "j1",
        "custom:plan": "free",
      },
    },
    id: [],
    noIdToken: "this preset accepts the ID token",
  },
  firebase: {
    access: {
      claims: {
        ...profile,
        user_id: "abcdefghijklmnopqrstuvwxyz12",
        phone_number: "+15550100",
        firebase: { sign_in_provider: "apple.com", identities: { email: ["ann@example.com"] } },
        nonce: "n",
      },
    },
    id: [],
    noIdToken: "Firebase has only ID tokens",
  },
  supabase: {
    access: {
      claims: {
        email: "ann@example.com",
        phone: "",
        app_metadata: { provider: "email" },
        user_metadata: profile,
        amr: [{ method: "password", timestamp: now - 20 }],
      },
    },
    id: [
      {
        name: "of its OAuth server",
        claims: {
          aud: "app",
          role: undefined,
          session_id: undefined,
          aal: undefined,
          ...hashes,
          ...authTime,
          ...profile,
        },
        reason: /^the audience \(aud\) is "app"/,
      },
      {
        name: "of its OAuth server, with its client as AUTH_AUDIENCE",
        claims: { aud: "app", role: undefined, session_id: undefined },
        settings: { AUTH_AUDIENCE: "app" },
        reason: /role is not that of a user/,
      },
    ],
  },
  "supabase-legacy": {
    access: {
      claims: {
        email: "ann@example.com",
        phone: "",
        app_metadata: {},
        user_metadata: {},
        amr: [{ method: "otp", timestamp: now }],
      },
    },
    id: [],
    noIdToken: "a project with the shared secret issues no ID tokens",
  },
  okta: {
    access: { claims: { ...authTime, groups: ["g"], department: "x" } },
    id: [
      {
        name: "of the app",
        claims: {
          aud: "0oaMobile",
          sub: "00u1abcdEFGH2ijklMNO",
          cid: undefined,
          uid: undefined,
          scp: undefined,
          amr: ["pwd"],
          idp: "00o1",
          ...hashes,
          ...authTime,
          ...profile,
        },
        reason: /^the audience \(aud\) is "0oaMobile"/,
      },
      {
        name: "without nonce, with its client as AUTH_AUDIENCE",
        claims: {
          aud: "0oaMobile",
          sub: "00u1abcdEFGH2ijklMNO",
          cid: undefined,
          uid: undefined,
          scp: undefined,
        },
        settings: { AUTH_AUDIENCE: "0oaMobile", AUTH_CLIENT_IDS: "" },
        reason: /does not name its client/,
      },
    ],
  },
  entra: {
    access: {
      claims: { ...entraInternals, azpacr: "1", roles: ["r"], idtyp: "user", sid: "s1", xms_ftd: "x" },
    },
    id: [
      {
        name: "of an app with a registration of its own",
        claims: {
          ...entraInternals,
          aud: "44444444-aaaa-bbbb-cccc-555555555555",
          nonce: "n",
          scp: undefined,
        },
        reason: /^the audience \(aud\) is "4444/,
      },
      {
        name: "of an app that shares the registration of the API",
        claims: { ...entraInternals, azp: undefined, nonce: "n", scp: undefined },
        settings: { AUTH_CLIENT_IDS: "" },
        reason: /ID token/,
      },
      {
        name: "without nonce",
        claims: { ...entraInternals, scp: undefined },
        reason: /ID token.*it has no scp/,
      },
    ],
  },
  "entra-external": {
    access: { claims: { ...entraInternals, azpacr: "0", xms_ftd: "x" } },
    id: [
      {
        name: "of an app that shares the registration of the API",
        claims: { ...entraInternals, azp: undefined, nonce: "n", scp: undefined },
        reason: /ID token/,
      },
      {
        name: "without nonce",
        claims: { ...entraInternals, azp: undefined, scp: undefined },
        reason: /ID token.*it has no scp/,
      },
    ],
  },
  b2c: {
    access: {
      claims: { ...authTime, ...profile, nonce: "n", idp: "google.com", emails: ["ann@example.com"] },
    },
    id: [
      {
        name: "of an app that shares the registration of the API",
        claims: { ...authTime, ...profile, nonce: "n", at_hash: undefined, azp: undefined, scp: undefined },
        reason: /ID token.*it has no scp/,
      },
      {
        name: "of the hybrid flow",
        claims: { ...authTime, nonce: "n", c_hash: "c", azp: undefined, scp: undefined },
        reason: /c_hash/,
      },
    ],
  },
  keycloak: {
    access: {
      claims: {
        ...authTime,
        ...profile,
        acr: "1",
        nonce: "n",
        session_state: "s1",
        "allowed-origins": ["https://app.example.com"],
        realm_access: { roles: ["user"] },
        resource_access: { account: { roles: ["manage-account"] } },
      },
    },
    id: [
      {
        name: "of the app",
        claims: { ...hashes, ...authTime, ...profile, typ: "ID", aud: "mobile", acr: "1", scope: undefined },
        reason: /^the audience \(aud\) is "mobile"/,
      },
      {
        name: "with the audience that a mapper adds to ID tokens as well",
        claims: { ...profile, typ: "ID", aud: ["mobile", "vital-gateway"], acr: "1", nonce: "n" },
        reason: /the token is an ID or refresh token/,
      },
    ],
  },
  ory: {
    access: { claims: { scope: "openid vital", ext: { plan: "free" }, username: "ann" } },
    id: [
      {
        name: "of the app",
        claims: {
          aud: ["mobile"],
          client_id: undefined,
          scp: undefined,
          ext: undefined,
          nbf: undefined,
          rat: now - 30,
          sid: "s1",
          acr: "0",
          amr: ["password"],
          ...hashes,
          ...authTime,
        },
        reason: /^the audience \(aud\) is \["mobile"\]/,
      },
      {
        name: "without hashes, with its client as AUTH_AUDIENCE",
        claims: { aud: ["mobile"], client_id: undefined, scp: undefined },
        settings: { AUTH_AUDIENCE: "mobile" },
        reason: /does not name its client/,
      },
    ],
  },
  zitadel: {
    access: {
      claims: {
        scope: "openid",
        "urn:zitadel:iam:user:resourceowner:id": "1",
        "urn:zitadel:iam:org:id": "1",
      },
    },
    id: [
      {
        name: "of the app",
        claims: {
          jti: undefined,
          azp: "264500000000000002",
          amr: ["pwd"],
          sid: "V1_1",
          ...hashes,
          ...authTime,
          ...profile,
        },
        reason: /ID token/,
      },
      {
        name: "without hashes",
        claims: { jti: undefined, amr: ["pwd"], ...authTime },
        reason: /it has no id/,
      },
    ],
  },
  workos: {
    access: {
      claims: { org_id: "org_01", role: "member", roles: ["member"], entitlements: ["e"], feature_flags: [] },
    },
    id: [
      {
        name: "of a connected app",
        claims: { aud: "client_01", sid: undefined, permissions: undefined, ...hashes, ...profile },
        reason: /^the audience \(aud\) is "client_01"/,
      },
      {
        name: "of a connected app, with its client as AUTH_AUDIENCE",
        claims: { aud: "client_01", sid: undefined },
        settings: { AUTH_AUDIENCE: "client_01" },
        reason: /session/,
      },
    ],
  },
  stytch: {
    access: {
      claims: {
        "https://stytch.com/session": {
          id: "session-live-1",
          started_at: "2026-11-22T09:00:00Z",
          last_accessed_at: "2026-11-22T09:59:00Z",
          expires_at: "2026-11-22T11:00:00Z",
          attributes: { ip_address: "", user_agent: "" },
          authentication_factors: [],
          roles: ["stytch_user"],
        },
      },
    },
    id: [
      {
        name: "of a connected app",
        claims: { "https://stytch.com/session": undefined, ...hashes, ...profile },
        reason: /^the expiry|session/,
      },
    ],
  },
  descope: {
    access: {
      claims: {
        amr: ["email"],
        dct: "T1",
        tenants: { T1: { roles: ["r"] } },
        roles: ["r"],
        nsec: {},
        rexp: "2026-12-20T10:00:00Z",
      },
    },
    id: [
      {
        name: "of a federated app",
        claims: {
          aud: ["P2abcdefghijklmnopqrstuvwxyz"],
          drn: undefined,
          permissions: undefined,
          ...hashes,
          ...profile,
        },
        reason: /^the audience \(aud\) is \["P2/,
      },
      {
        name: "of a federated app, with its audience as AUTH_AUDIENCE",
        claims: { aud: ["P2abcdefghijklmnopqrstuvwxyz"], drn: undefined, nonce: "n" },
        settings: { AUTH_AUDIENCE: "P2abcdefghijklmnopqrstuvwxyz" },
        reason: /ID token \(it has nonce\)/,
      },
    ],
  },
  fusionauth: {
    access: {
      claims: { ...authTime, ...profile, jti: "j1", sid: "s1", roles: ["user"], gty: ["authorization_code"] },
    },
    id: [
      {
        name: "of the app, whose audience is that of the access token",
        claims: { ...hashes, ...authTime, ...profile, applicationId: undefined, jti: "j1", sid: "s1" },
        reason: /ID token \(it has at_hash\)/,
      },
    ],
  },
  "better-auth": {
    access: {
      claims: {
        ...profile,
        id: "4f5e6d7c8b9a0f1e2d3c4b5a69788796",
        emailVerified: true,
        createdAt: "2026-01-01",
      },
    },
    id: [
      {
        name: "of its OAuth server",
        claims: { aud: "mobile", ...hashes, ...authTime, ...profile },
        reason: /^the audience \(aud\) is "mobile"/,
      },
    ],
  },
  "better-auth-oauth": {
    access: { claims: { jti: "j1", sid: "s1", client_id: "mobile" } },
    id: [
      {
        name: "of the app",
        header: { typ: undefined },
        claims: {
          aud: "mobile",
          azp: undefined,
          scope: undefined,
          sid: "s1",
          ...hashes,
          ...authTime,
          ...profile,
        },
        reason: /^the token type \(typ\) is missing/,
      },
    ],
  },
  custom: {
    access: {
      claims: { ...profile, ...authTime, sub: "other", jti: "j1", azp: "app", acr: "1", amr: ["pwd"] },
    },
    id: [
      {
        name: "of the app",
        claims: { aud: "app", scope: undefined, ...hashes, ...authTime, ...profile },
        reason: /^the audience \(aud\) is "app"/,
      },
      {
        name: "with the audience of the API",
        claims: { at_hash: "x" },
        reason: /ID token \(it has at_hash\)/,
      },
      {
        name: "with a nonce and the audience of the API",
        claims: { nonce: "n" },
        reason: /ID token \(it has nonce\)/,
      },
    ],
  },
};
