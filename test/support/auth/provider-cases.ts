import type { PresetName } from "../../../src/auth/presets/presets.js";

export type Claims = Record<string, unknown>;

/** A change of a provider's valid token. `undefined` removes a claim or header parameter. */
export type Variant = {
  name: string;
  header?: Claims;
  claims?: Claims;
  /** Settings that override those of the provider. */
  settings?: Record<string, string>;
  /** The algorithm that signs the token, if not the provider's. */
  algorithm?: string;
  /** For a rejected token: the reason in the log. */
  reason?: RegExp;
  /** For an accepted token: the authenticated user, if not the provider's. */
  appUserId?: string;
};

/** The settings of a provider, a valid token, other accepted tokens, and rejected tokens that are specific to it. */
export type ProviderCase = {
  provider: PresetName;
  algorithm: string;
  settings: Record<string, string>;
  header: Claims;
  claims: Claims;
  userIdClaim: string;
  appUserId: string;
  accepted: Variant[];
  rejected: Variant[];
};

/** The current time for all these tokens, in seconds. */
export const now = Date.parse("2026-11-22T10:00:00Z") / 1000;
export const legacySecret = "a-legacy-secret-of-at-least-32-bytes!";

const times = { iat: now - 10, exp: now + 50 };
const uuid = "6f0c2a4e-6a57-4f0e-9d2a-0c6f3f9b8e11";
const otherUuid = "8a1d0b5e-33c4-4d1b-8f57-1e9b0c7d6a22";
const tenant = "11111111-2222-3333-4444-555555555555";
const stytchSession = "https://stytch.com/session";

const entraClaims = {
  ...times,
  nbf: now - 10,
  aud: "22222222-aaaa-bbbb-cccc-333333333333",
  iss: `https://login.microsoftonline.com/${tenant}/v2.0`,
  tid: tenant,
  oid: uuid,
  sub: "pairwise-subject",
  azp: "44444444-aaaa-bbbb-cccc-555555555555",
  scp: "access_as_user profile",
  ver: "2.0",
};

const supabaseClaims = {
  ...times,
  iss: "https://abcdefgh.supabase.co/auth/v1",
  sub: uuid,
  aud: "authenticated",
  role: "authenticated",
  session_id: "0a1b2c3d-0000-4000-8000-000000000000",
  aal: "aal1",
  is_anonymous: false,
};

const supabaseRejected: Variant[] = [
  {
    name: "a service_role API key",
    claims: { role: "service_role", sub: undefined, session_id: undefined },
    reason: /API key/,
  },
  { name: "an anon API key", claims: { role: "anon", session_id: undefined }, reason: /API key/ },
  { name: "an anonymous user", claims: { is_anonymous: true }, reason: /anonymous/ },
  {
    name: "another project with the same audience",
    claims: { iss: "https://zzzzzzzz.supabase.co/auth/v1" },
    reason: /^the issuer \(iss\) is/,
  },
  { name: "a token without session", claims: { session_id: undefined }, reason: /session_id/ },
  { name: "a subject that is not a UUID", claims: { sub: "someone" }, reason: /UUID/ },
  {
    name: "an OAuth client that is not listed",
    claims: { client_id: "other-app" },
    reason: /^the client \(client_id\) is/,
  },
  {
    name: "a weaker sign-in than required",
    settings: { AUTH_SUPABASE_MIN_AAL: "aal2" },
    reason: /not strong enough/,
  },
];

export const providerCases: ProviderCase[] = [
  {
    provider: "rfc9068",
    algorithm: "ES256",
    settings: { AUTH_ISSUER: "https://idp.example.com", AUTH_AUDIENCE: "https://api.example.com" },
    header: { typ: "at+jwt" },
    claims: {
      ...times,
      iss: "https://idp.example.com",
      aud: "https://api.example.com",
      sub: "user-1",
      client_id: "app",
      jti: "t1",
    },
    userIdClaim: "sub",
    appUserId: "user-1",
    accepted: [
      { name: "RS256", algorithm: "RS256" },
      { name: "PS256", algorithm: "PS256" },
      { name: "EdDSA", algorithm: "EdDSA" },
      { name: "typ with application/ in another case", header: { typ: "Application/AT+JWT" } },
      {
        name: "one of two audiences",
        claims: { aud: ["https://other.example.com", "https://api.example.com"] },
      },
      {
        name: "an id with unusual printable characters",
        claims: { sub: " a|b:c@d/é😀 " },
        appUserId: " a|b:c@d/é😀 ",
      },
      {
        name: "the listed client and the required scope",
        settings: { AUTH_CLIENT_IDS: "app,app2", AUTH_REQUIRED_SCOPE: "vital" },
        claims: { scope: "openid vital" },
      },
      {
        name: "an actor when a setting allows it",
        claims: { act: { sub: "support" } },
        settings: { AUTH_ALLOW_ACTOR: "true" },
      },
      {
        name: "keys in the header, which are ignored",
        header: { jku: "https://evil.example", x5u: "x", x5c: ["x"], jwk: {} },
      },
    ],
    rejected: [
      { name: "typ JWT", header: { typ: "JWT" }, reason: /^the token type \(typ\) is/ },
      { name: "no typ", header: { typ: undefined }, reason: /^the token type \(typ\) is missing/ },
      { name: "no client_id", claims: { client_id: undefined }, reason: /client_id is present/ },
      { name: "no jti", claims: { jti: undefined }, reason: /jti is present/ },
      { name: "no iat", claims: { iat: undefined }, reason: /iat is present/ },
      {
        name: "a client that is not listed",
        settings: { AUTH_CLIENT_IDS: "app2" },
        reason: /^the client \(client_id\) is "app", but must be "app2"/,
      },
      {
        name: "a scope that is not a string",
        claims: { scope: ["vital"] },
        reason: /not in this provider's format/,
      },
    ],
  },
  {
    provider: "auth0",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: "https://team.eu.auth0.com/,https://login.example.com/",
      AUTH_AUDIENCE: "https://api.example.com",
    },
    header: { typ: "JWT" },
    claims: {
      ...times,
      iss: "https://team.eu.auth0.com/",
      sub: "auth0|5f7c8ec7c33c6c004bbafe82",
      aud: ["https://api.example.com", "https://team.eu.auth0.com/userinfo"],
      azp: "mobile-app",
      scope: "openid profile",
    },
    userIdClaim: "sub",
    appUserId: "auth0|5f7c8ec7c33c6c004bbafe82",
    accepted: [
      {
        name: "the RFC 9068 profile",
        header: { typ: "at+jwt" },
        claims: { azp: undefined, client_id: "mobile-app", jti: "1", aud: "https://api.example.com" },
        settings: { AUTH_CLIENT_IDS: "mobile-app" },
      },
      { name: "the issuer of a custom domain", claims: { iss: "https://login.example.com/" } },
      {
        name: "an enterprise id with spaces",
        claims: { sub: "samlp|conn|ann lee@x" },
        appUserId: "samlp|conn|ann lee@x",
      },
      { name: "PS256", algorithm: "PS256" },
      {
        name: "a permission as the required scope",
        claims: { permissions: ["vital:token"] },
        settings: { AUTH_REQUIRED_SCOPE: "vital:token" },
      },
      { name: "a subject with the profile of a user", claims: { sub_profile: "user" } },
    ],
    rejected: [
      {
        name: "client credentials",
        claims: { sub: "abc|1@clients", gty: "client-credentials" },
        reason: /client credentials/,
      },
      { name: "client credentials without gty", claims: { sub: "abc@clients" }, reason: /machine/ },
      { name: "gty alone", claims: { gty: "client-credentials" }, reason: /machine/ },
      {
        name: "a service as subject",
        claims: { sub: "mobile-app", sub_profile: "service" },
        reason: /machine or an agent/,
      },
      { name: "a service with a pipe in its id", claims: { sub_profile: "service" }, reason: /not a user/ },
      { name: "an agent", claims: { sub: "agt_12345" }, reason: /agent/ },
      {
        name: "an ID token",
        claims: { aud: "mobile-app", azp: undefined },
        reason: /^the audience \(aud\) is "mobile-app"/,
      },
      {
        name: "an ID token when the client id is configured as the audience",
        claims: { aud: "mobile-app", azp: undefined },
        settings: { AUTH_AUDIENCE: "mobile-app" },
        reason: /does not name its client/,
      },
      {
        name: "userinfo as the only audience",
        claims: { aud: "https://team.eu.auth0.com/userinfo" },
        reason: /^the audience \(aud\)/,
      },
    ],
  },
  {
    provider: "clerk",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: "https://clerk.example.com",
      AUTH_CLERK_ORIGINS: "https://app.example.com",
      AUTH_CLERK_NATIVE: "true",
    },
    header: { typ: "JWT", cat: "cl_B7d4PD111AAA" },
    claims: {
      ...times,
      nbf: now - 10,
      iss: "https://clerk.example.com",
      sub: "user_2abcDEF",
      sid: "sess_2abc",
      sts: "active",
      v: 2,
    },
    userIdClaim: "sub",
    appUserId: "user_2abcDEF",
    accepted: [
      {
        name: "a version 1 token with an origin",
        header: { cat: undefined },
        claims: { azp: "https://app.example.com", sts: undefined, v: undefined },
        settings: { AUTH_CLERK_NATIVE: "" },
      },
      { name: "the origin of a listed web app", claims: { azp: "https://app.example.com" } },
    ],
    rejected: [
      { name: "a pending session", claims: { sts: "pending" }, reason: /pending/ },
      { name: "a machine", claims: { sub: "mch_1" }, reason: /not a user/ },
      { name: "the category of JWT templates", header: { cat: "cl_B7d4PD222AAA" }, reason: /category/ },
      { name: "the category of machines", header: { cat: "cl_B7d4PD333AAA" }, reason: /category/ },
      { name: "a JWT template's token", claims: { sid: undefined }, reason: /template/ },
      { name: "an OAuth token", header: { typ: "at+jwt" }, reason: /^the token type \(typ\) is/ },
      { name: "another origin", claims: { azp: "https://evil.example" }, reason: /another origin/ },
      {
        name: "no origin when native apps are off",
        settings: { AUTH_CLERK_NATIVE: "" },
        reason: /AUTH_CLERK_NATIVE/,
      },
    ],
  },
  {
    provider: "clerk-oauth",
    algorithm: "RS256",
    settings: { AUTH_ISSUER: "https://clerk.example.com", AUTH_CLIENT_IDS: "oauth-app" },
    header: { typ: "at+jwt" },
    claims: {
      ...times,
      iss: "https://clerk.example.com",
      sub: "user_2abcDEF",
      client_id: "oauth-app",
      jti: "oat_1",
      scope: "profile vital",
    },
    userIdClaim: "sub",
    appUserId: "user_2abcDEF",
    accepted: [
      { name: "the required scope", settings: { AUTH_REQUIRED_SCOPE: "vital" } },
      {
        name: "an audience that is configured",
        claims: { aud: "https://api.example.com" },
        settings: { AUTH_AUDIENCE: "https://api.example.com" },
      },
    ],
    rejected: [
      { name: "another client", claims: { client_id: "other" }, reason: /^the client \(client_id\) is/ },
      { name: "no client", claims: { client_id: undefined }, reason: /^the client \(client_id\) is missing/ },
      { name: "a session token", header: { typ: "JWT" }, reason: /^the token type \(typ\) is/ },
      { name: "a machine", claims: { sub: "mch_1" }, reason: /not a user/ },
      {
        name: "a client as an array",
        claims: { client_id: ["oauth-app"] },
        reason: /^the client \(client_id\) is/,
      },
      { name: "no typ", header: { typ: undefined }, reason: /^the token type \(typ\) is/ },
    ],
  },
  {
    provider: "cognito",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
      AUTH_CLIENT_IDS: "4hp23example",
    },
    header: {},
    claims: {
      ...times,
      iss: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
      sub: uuid,
      username: "ann",
      token_use: "access",
      client_id: "4hp23example",
      scope: "aws.cognito.signin.user.admin",
      "cognito:groups": ["g"],
    },
    userIdClaim: "sub",
    appUserId: uuid,
    accepted: [
      { name: "a typ", header: { typ: "JWT" } },
      {
        name: "an audience that is configured",
        claims: { aud: "https://api.example.com" },
        settings: { AUTH_AUDIENCE: "https://api.example.com" },
      },
      {
        name: "the updated issuer format",
        claims: { iss: "https://issuer-cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI" },
        settings: {
          AUTH_ISSUER: "https://issuer-cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
        },
      },
      {
        name: "a second client",
        claims: { client_id: "second" },
        settings: { AUTH_CLIENT_IDS: "4hp23example,second" },
      },
    ],
    rejected: [
      {
        name: "an ID token",
        claims: { token_use: "id", aud: "4hp23example", client_id: undefined },
        reason: /^the audience \(aud\) is/,
      },
      { name: "token_use id", claims: { token_use: "id" }, reason: /only access tokens/ },
      { name: "another client", claims: { client_id: "other" }, reason: /^the client \(client_id\) is/ },
      { name: "client credentials", claims: { username: undefined, sub: "4hp23example" }, reason: /machine/ },
      {
        name: "another pool of the region",
        claims: { iss: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Zzzzzzzzz" },
        reason: /^the issuer \(iss\) is/,
      },
      {
        name: "a token for another resource",
        claims: { aud: "https://other.example.com" },
        reason: /^the audience \(aud\) is/,
      },
    ],
  },
  {
    provider: "cognito-id",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
      AUTH_CLIENT_IDS: "4hp23example",
    },
    header: {},
    claims: {
      ...times,
      iss: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
      sub: uuid,
      "cognito:username": "ann",
      token_use: "id",
      aud: "4hp23example",
      at_hash: "x",
    },
    userIdClaim: "sub",
    appUserId: uuid,
    accepted: [
      { name: "with a nonce", claims: { nonce: "n" } },
      { name: "without at_hash", claims: { at_hash: undefined } },
    ],
    rejected: [
      { name: "an access token", claims: { token_use: "access" }, reason: /only ID tokens/ },
      { name: "no user name", claims: { "cognito:username": undefined }, reason: /user name/ },
      { name: "another client", claims: { aud: "other" }, reason: /^the audience \(aud\) is/ },
      { name: "no token_use", claims: { token_use: undefined }, reason: /only ID tokens/ },
      { name: "typ at+jwt", header: { typ: "at+jwt" }, reason: /^the token type \(typ\) is/ },
      {
        name: "another pool",
        claims: { iss: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfGhI" },
        reason: /^the issuer \(iss\) is/,
      },
    ],
  },
  {
    provider: "firebase",
    algorithm: "RS256",
    settings: { AUTH_ISSUER: "https://securetoken.google.com/my-project" },
    header: { typ: "JWT" },
    claims: {
      ...times,
      iss: "https://securetoken.google.com/my-project",
      aud: "my-project",
      sub: "abcdefghijklmnopqrstuvwxyz12",
      auth_time: now - 100,
      firebase: { sign_in_provider: "password", identities: {} },
    },
    userIdClaim: "sub",
    appUserId: "abcdefghijklmnopqrstuvwxyz12",
    accepted: [
      { name: "an id of 128 characters", claims: { sub: "a".repeat(128) }, appUserId: "a".repeat(128) },
      {
        name: "the configured tenant",
        claims: { firebase: { sign_in_provider: "password", tenant: "t1" } },
        settings: { AUTH_FIREBASE_TENANT: "t1" },
      },
      {
        name: "an anonymous user when a setting allows it",
        claims: { firebase: { sign_in_provider: "anonymous" } },
        settings: { AUTH_ALLOW_ANONYMOUS: "true" },
      },
    ],
    rejected: [
      {
        name: "another project under the same Google key",
        claims: { iss: "https://securetoken.google.com/other", aud: "other" },
        reason: /^the issuer \(iss\) is/,
      },
      {
        name: "the audience of another project",
        claims: { aud: "other" },
        reason: /^the audience \(aud\) is/,
      },
      {
        name: "an audience in an array",
        claims: { aud: ["my-project"] },
        reason: /^the audience \(aud\) is/,
      },
      {
        name: "an anonymous user",
        claims: { firebase: { sign_in_provider: "anonymous" } },
        reason: /anonymous/,
      },
      { name: "no sign-in provider", claims: { firebase: {} }, reason: /anonymous/ },
      { name: "an id of 129 characters", claims: { sub: "a".repeat(129) }, reason: /128/ },
      {
        name: "a session cookie",
        claims: { iss: "https://session.firebase.google.com/my-project" },
        reason: /^the issuer \(iss\)/,
      },
      {
        name: "a custom token",
        claims: {
          iss: "svc@my-project.iam.gserviceaccount.com",
          aud: "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
        },
        reason: /^the issuer \(iss\) is/,
      },
      { name: "a sign-in in the future", claims: { auth_time: now + 500 }, reason: /sign-in/ },
      { name: "a sign-in time that is not a number", claims: { auth_time: "1" }, reason: /sign-in/ },
      {
        name: "a tenant that is not configured",
        claims: { firebase: { sign_in_provider: "password", tenant: "t1" } },
        reason: /belongs to a tenant/,
      },
      {
        name: "another tenant",
        claims: { firebase: { sign_in_provider: "password", tenant: "t2" } },
        settings: { AUTH_FIREBASE_TENANT: "t1" },
        reason: /another tenant/,
      },
    ],
  },
  {
    provider: "supabase",
    algorithm: "ES256",
    settings: { AUTH_ISSUER: "https://abcdefgh.supabase.co/auth/v1" },
    header: { typ: "JWT" },
    claims: supabaseClaims,
    userIdClaim: "sub",
    appUserId: uuid,
    accepted: [
      { name: "RS256", algorithm: "RS256" },
      { name: "a listed OAuth client", claims: { client_id: "app" }, settings: { AUTH_CLIENT_IDS: "app" } },
      { name: "a first-party token when clients are listed", settings: { AUTH_CLIENT_IDS: "app" } },
      { name: "a strong sign-in", claims: { aal: "aal2" }, settings: { AUTH_SUPABASE_MIN_AAL: "aal2" } },
      {
        name: "an anonymous user when a setting allows it",
        claims: { is_anonymous: true },
        settings: { AUTH_ALLOW_ANONYMOUS: "true" },
      },
    ],
    rejected: [
      ...supabaseRejected,
      { name: "HS256", algorithm: "HS256", reason: /^the algorithm \(alg\) is "HS256"/ },
    ],
  },
  {
    provider: "supabase-legacy",
    algorithm: "HS256",
    settings: {
      AUTH_ISSUER: "https://abcdefgh.supabase.co/auth/v1",
      AUTH_SUPABASE_JWT_SECRET: legacySecret,
    },
    header: { typ: "JWT" },
    claims: supabaseClaims,
    userIdClaim: "sub",
    appUserId: uuid,
    accepted: [{ name: "no kid", header: { kid: undefined } }],
    rejected: [
      ...supabaseRejected,
      {
        name: "ES256",
        algorithm: "ES256",
        reason: /^the algorithm \(alg\) is "ES256".*AUTH_PROVIDER=supabase/,
      },
    ],
  },
  {
    provider: "okta",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: "https://team.okta.com/oauth2/default",
      AUTH_AUDIENCE: "api://default",
      AUTH_CLIENT_IDS: "0oaMobile",
    },
    header: {},
    claims: {
      ...times,
      ver: 1,
      jti: "AT.1",
      iss: "https://team.okta.com/oauth2/default",
      aud: "api://default",
      sub: "ann@example.com",
      uid: "00u1abcdEFGH2ijklMNO",
      cid: "0oaMobile",
      scp: ["openid", "vital"],
    },
    userIdClaim: "uid",
    appUserId: "00u1abcdEFGH2ijklMNO",
    accepted: [
      { name: "an id as subject", claims: { sub: "00u1abcdEFGH2ijklMNO" } },
      { name: "the required scope", settings: { AUTH_REQUIRED_SCOPE: "vital" } },
      { name: "ES256", algorithm: "ES256" },
    ],
    rejected: [
      {
        name: "no uid",
        claims: { uid: undefined, sub: "0oaMobile" },
        reason: /user id claim uid is missing/,
      },
      {
        name: "an ID token",
        claims: { aud: "0oaMobile", cid: undefined, uid: undefined, nonce: "n" },
        reason: /^the audience \(aud\) is/,
      },
      { name: "the org issuer", claims: { iss: "https://team.okta.com" }, reason: /^the issuer \(iss\) is/ },
      { name: "another client", claims: { cid: "0oaOther" }, reason: /^the client \(cid\) is/ },
      { name: "no client", claims: { cid: undefined }, reason: /^the client \(cid\) is/ },
      {
        name: "scopes in one string",
        claims: { scp: "openid vital" },
        reason: /not in this provider's format/,
      },
    ],
  },
  {
    provider: "entra",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: entraClaims.iss,
      AUTH_AUDIENCE: `${entraClaims.aud},api://vital`,
      AUTH_CLIENT_IDS: entraClaims.azp,
    },
    header: { typ: "JWT" },
    claims: entraClaims,
    userIdClaim: "oid",
    appUserId: uuid,
    accepted: [
      {
        name: "a version 1 token with the trailing slash and the App ID URI",
        settings: { AUTH_ISSUER: `${entraClaims.iss},https://sts.windows.net/${tenant}/` },
        claims: {
          iss: `https://sts.windows.net/${tenant}/`,
          aud: "api://vital",
          ver: "1.0",
          appid: entraClaims.azp,
          azp: undefined,
        },
      },
      { name: "the required scope", settings: { AUTH_REQUIRED_SCOPE: "access_as_user" } },
      { name: "idtyp user", claims: { idtyp: "user" } },
    ],
    rejected: [
      { name: "an app's own token", claims: { scp: undefined, roles: ["x"] }, reason: /acts for an app/ },
      { name: "idtyp app", claims: { idtyp: "app" }, reason: /belongs to an app, not to a user/ },
      {
        name: "another tenant under the same key",
        claims: { tid: "99999999-2222-3333-4444-555555555555" },
        reason: /another tenant/,
      },
      {
        name: "a version 1 token when only version 2 is configured",
        claims: { iss: `https://sts.windows.net/${tenant}/`, ver: "1.0" },
        reason: /^the issuer \(iss\) is/,
      },
      { name: "a version that does not match the issuer", claims: { ver: "1.0" }, reason: /version/ },
      { name: "a token for Microsoft Graph", header: { nonce: "n" }, reason: /Graph/ },
      { name: "no oid, although sub is present", claims: { oid: undefined }, reason: /oid is missing/ },
      {
        name: "the issuer of all tenants",
        claims: { iss: "https://login.microsoftonline.com/common/v2.0" },
        reason: /^the issuer \(iss\) is/,
      },
      {
        name: "the issuer template",
        claims: { iss: "https://login.microsoftonline.com/{tenantid}/v2.0" },
        reason: /^the issuer \(iss\) is/,
      },
      { name: "scopes in an array", claims: { scp: ["access_as_user"] }, reason: /acts for an app/ },
    ],
  },
  {
    provider: "entra-external",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: `https://${tenant}.ciamlogin.com/${tenant}/v2.0`,
      AUTH_AUDIENCE: entraClaims.aud,
    },
    header: { typ: "JWT" },
    claims: { ...entraClaims, iss: `https://${tenant}.ciamlogin.com/${tenant}/v2.0` },
    userIdClaim: "oid",
    appUserId: uuid,
    accepted: [{ name: "the listed client", settings: { AUTH_CLIENT_IDS: entraClaims.azp } }],
    rejected: [
      { name: "an app's own token", claims: { scp: undefined }, reason: /acts for an app/ },
      { name: "an empty scp", claims: { scp: " " }, reason: /acts for an app/ },
      { name: "another tenant", claims: { tid: uuid }, reason: /another tenant/ },
      { name: "no tenant", claims: { tid: undefined }, reason: /another tenant/ },
      { name: "no oid", claims: { oid: undefined }, reason: /oid is missing/ },
      { name: "a workforce issuer", claims: { iss: entraClaims.iss }, reason: /^the issuer \(iss\) is/ },
      { name: "a token for Microsoft Graph", header: { nonce: "n" }, reason: /Graph/ },
    ],
  },
  {
    provider: "b2c",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: `https://team.b2clogin.com/${tenant}/v2.0/`,
      AUTH_AUDIENCE: entraClaims.aud,
      AUTH_B2C_POLICY: "B2C_1_signin",
    },
    header: { typ: "JWT" },
    claims: {
      ...entraClaims,
      iss: `https://team.b2clogin.com/${tenant}/v2.0/`,
      ver: "1.0",
      tfp: "B2C_1_signin",
      sub: "Not supported currently. Use oid claim.",
    },
    userIdClaim: "oid",
    appUserId: uuid,
    accepted: [
      { name: "a sub that is the object id, without oid", claims: { oid: undefined, sub: uuid } },
      { name: "oid instead of another sub", claims: { sub: otherUuid } },
      {
        name: "sub when a setting selects it",
        claims: { sub: otherUuid },
        settings: { AUTH_USER_ID_CLAIM: "sub" },
        appUserId: otherUuid,
      },
      { name: "a nonce, which its access tokens have", claims: { nonce: "n" } },
      { name: "the flow in acr", claims: { tfp: undefined, acr: "B2C_1_signin" } },
      {
        name: "an issuer with the flow",
        settings: { AUTH_ISSUER: `https://team.b2clogin.com/tfp/${tenant}/B2C_1_signin/v2.0/` },
        claims: { iss: `https://team.b2clogin.com/tfp/${tenant}/B2C_1_signin/v2.0/` },
      },
    ],
    rejected: [
      {
        name: "the sentence that some flows write into every sub",
        claims: { oid: undefined },
        reason: /^the user id claim sub is "Not supported.*object ID/,
      },
      {
        name: "that sentence when a setting selects sub",
        settings: { AUTH_USER_ID_CLAIM: "sub" },
        reason: /^the user id claim sub is "Not supported/,
      },
      {
        name: "a sub that is not a GUID, without oid",
        claims: { oid: undefined, sub: "ann@example.com" },
        reason: /^the user id claim sub is not in the format of user ids: a UUID/,
      },
      {
        name: "an empty oid, although sub is a GUID",
        claims: { oid: "", sub: uuid },
        reason: /oid must not be empty/,
      },
      { name: "an ID token", claims: { scp: undefined, nonce: "n" }, reason: /ID token/ },
      { name: "another flow", claims: { tfp: "B2C_1_reset" }, reason: /another user flow/ },
      { name: "another flow in acr", claims: { acr: "B2C_1_reset" }, reason: /another user flow/ },
      { name: "no flow", claims: { tfp: undefined }, reason: /name its user flow/ },
      { name: "no scp", claims: { scp: undefined }, reason: /acts for an app/ },
      {
        name: "an issuer without the trailing slash",
        claims: { iss: `https://team.b2clogin.com/${tenant}/v2.0` },
        reason: /^the issuer \(iss\)/,
      },
      { name: "an app's token", claims: { idtyp: "app" }, reason: /belongs to an app, not to a user/ },
    ],
  },
  {
    provider: "keycloak",
    algorithm: "RS256",
    settings: { AUTH_ISSUER: "https://idp.example.com/realms/team", AUTH_AUDIENCE: "vital-gateway" },
    header: { typ: "JWT" },
    claims: {
      ...times,
      jti: "1",
      iss: "https://idp.example.com/realms/team",
      aud: ["vital-gateway", "account"],
      sub: uuid,
      typ: "Bearer",
      azp: "mobile",
      sid: "s1",
      scope: "openid profile",
      preferred_username: "ann",
    },
    userIdClaim: "sub",
    appUserId: uuid,
    accepted: [
      { name: "typ at+jwt without client_id", header: { typ: "at+jwt" } },
      { name: "a federated user", claims: { sub: "f:ldap:ann lee" }, appUserId: "f:ldap:ann lee" },
      { name: "a nonce, as in old versions", claims: { nonce: "n" } },
      { name: "ES256", algorithm: "ES256" },
      { name: "PS256", algorithm: "PS256" },
      { name: "EdDSA", algorithm: "EdDSA" },
      { name: "the listed client", settings: { AUTH_CLIENT_IDS: "mobile" } },
    ],
    rejected: [
      { name: "no sub", claims: { sub: undefined }, reason: /sub is missing/ },
      { name: "an ID token", claims: { typ: "ID" }, reason: /ID or refresh/ },
      { name: "a refresh token", claims: { typ: "Refresh" }, reason: /ID or refresh/ },
      {
        name: "account as the only audience",
        claims: { aud: "account" },
        reason: /^the audience \(aud\) is "account".*audience mapper/,
      },
      {
        name: "a service account",
        claims: { preferred_username: "service-account-batch" },
        reason: /service account/,
      },
      {
        name: "client credentials without a session",
        claims: { client_id: "batch", sid: undefined, preferred_username: undefined },
        reason: /service account/,
      },
      { name: "a bound token", claims: { cnf: { jkt: "x" } }, reason: /cnf/ },
      { name: "another client", settings: { AUTH_CLIENT_IDS: "web" }, reason: /^the client \(azp\) is/ },
    ],
  },
  {
    provider: "ory",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: "https://team.projects.oryapis.com",
      AUTH_AUDIENCE: "https://api.example.com",
    },
    header: { typ: "JWT" },
    claims: {
      ...times,
      jti: "1",
      nbf: now - 10,
      iss: "https://team.projects.oryapis.com",
      aud: ["https://api.example.com"],
      sub: uuid,
      client_id: "mobile",
      scp: ["openid", "vital"],
      ext: {},
    },
    userIdClaim: "sub",
    appUserId: uuid,
    accepted: [
      { name: "scp as an array", settings: { AUTH_REQUIRED_SCOPE: "vital" } },
      {
        name: "scopes in both formats",
        claims: { scope: "openid vital" },
        settings: { AUTH_REQUIRED_SCOPE: "vital" },
      },
      {
        name: "no audience, but a listed client",
        claims: { aud: [] },
        settings: { AUTH_AUDIENCE: "", AUTH_CLIENT_IDS: "mobile" },
      },
    ],
    rejected: [
      { name: "an empty audience", claims: { aud: [] }, reason: /^the audience \(aud\) is \[\]/ },
      { name: "client credentials", claims: { sub: "mobile" }, reason: /machine/ },
      {
        name: "an ID token from the same key set",
        claims: { client_id: undefined, aud: ["mobile"], at_hash: "x" },
        reason: /^the audience \(aud\) is/,
      },
      {
        name: "no client",
        claims: { client_id: undefined },
        reason: /not an access token: it does not name its client/,
      },
      {
        name: "another audience, although the client is listed",
        settings: { AUTH_AUDIENCE: "", AUTH_CLIENT_IDS: "mobile" },
        reason: /no audience is accepted/,
      },
      { name: "scp as a string", claims: { scp: "openid" }, reason: /not in this provider's format/ },
    ],
  },
  {
    provider: "zitadel",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: "https://team.zitadel.cloud",
      AUTH_AUDIENCE: "264500000000000001",
      AUTH_CLIENT_IDS: "264500000000000002",
    },
    header: { typ: "JWT" },
    claims: {
      ...times,
      nbf: now - 10,
      jti: "V2_1",
      iss: "https://team.zitadel.cloud",
      aud: ["264500000000000002", "264500000000000001"],
      sub: "264599999999999999",
      client_id: "264500000000000002",
      "urn:zitadel:iam:org:project:264500000000000001:roles": { patient: { org: "team" } },
    },
    userIdClaim: "sub",
    appUserId: "264599999999999999",
    accepted: [
      { name: "the client in azp", claims: { azp: "264500000000000002", client_id: undefined } },
      { name: "a role as the required scope", settings: { AUTH_REQUIRED_SCOPE: "patient" } },
      { name: "EdDSA", algorithm: "EdDSA" },
    ],
    rejected: [
      {
        name: "an ID token with the same audience",
        claims: { jti: undefined, auth_time: now - 20, amr: ["pwd"] },
        reason: /not an access token: it has no id/,
      },
      { name: "auth_time", claims: { auth_time: now - 20 }, reason: /ID token/ },
      { name: "amr", claims: { amr: ["pwd"] }, reason: /ID token/ },
      {
        name: "a client that is not listed",
        claims: { client_id: "264500000000000003" },
        reason: /^the client \(azp\/client_id\)/,
      },
      {
        name: "no client",
        claims: { client_id: undefined },
        reason: /^the client \(azp\/client_id\) is missing/,
      },
      {
        name: "another project",
        claims: { aud: ["264500000000000009"] },
        reason: /^the audience \(aud\) is/,
      },
      {
        name: "one listed and one other client",
        claims: { azp: "x" },
        reason: /^the client \(azp\/client_id\)/,
      },
    ],
  },
  {
    provider: "workos",
    algorithm: "RS256",
    settings: { AUTH_ISSUER: "https://api.workos.com", AUTH_WORKOS_CLIENT_ID: "client_01" },
    header: {},
    claims: {
      ...times,
      jti: "1",
      iss: "https://api.workos.com",
      sub: "user_01HBEQ",
      sid: "session_01HBEQ",
      permissions: ["vital"],
    },
    userIdClaim: "sub",
    appUserId: "user_01HBEQ",
    accepted: [
      { name: "typ JWT", header: { typ: "JWT" } },
      { name: "a permission as the required scope", settings: { AUTH_REQUIRED_SCOPE: "vital" } },
      {
        name: "an audience that is configured",
        claims: { aud: "client_01" },
        settings: { AUTH_AUDIENCE: "client_01" },
      },
    ],
    rejected: [
      { name: "an impersonator", claims: { act: { sub: "admin@example.com" } }, reason: /act/ },
      {
        name: "an audience that is not configured",
        claims: { aud: "https://api.workos.com" },
        reason: /^the audience \(aud\)/,
      },
      { name: "no session", claims: { sid: undefined }, reason: /session/ },
      { name: "a session in another format", claims: { sid: "app_01" }, reason: /session/ },
      { name: "a subject that is not a user", claims: { sub: "agent_01" }, reason: /not a user/ },
      { name: "typ at+jwt", header: { typ: "at+jwt" }, reason: /^the token type \(typ\) is/ },
    ],
  },
  {
    provider: "stytch",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: "stytch.com/project-live-1234,https://login.example.com",
      AUTH_STYTCH_PROJECT_ID: "project-live-1234",
    },
    header: { typ: "JWT" },
    claims: {
      ...times,
      nbf: now - 10,
      iss: "stytch.com/project-live-1234",
      aud: ["project-live-1234"],
      sub: `user-live-${uuid}`,
      [stytchSession]: { id: "session-live-1", expires_at: "2026-11-22T11:00:00Z" },
    },
    userIdClaim: "sub",
    appUserId: `user-live-${uuid}`,
    accepted: [
      { name: "the other issuer", claims: { iss: "https://login.example.com" } },
      { name: "no typ", header: { typ: undefined } },
      {
        name: "a member when members are configured",
        claims: { sub: "member-live-1" },
        settings: { AUTH_STYTCH_B2B: "true" },
        appUserId: "member-live-1",
      },
    ],
    rejected: [
      {
        name: "a machine",
        claims: { sub: "m2m-client-live-1", [stytchSession]: undefined },
        reason: /session/,
      },
      { name: "a connected app", claims: { client_id: "connected-app-1" }, reason: /connected app/ },
      { name: "no session", claims: { [stytchSession]: undefined }, reason: /session/ },
      {
        name: "a member when consumers are configured",
        claims: { sub: "member-live-1" },
        reason: /AUTH_STYTCH_B2B/,
      },
      {
        name: "an expired session",
        claims: { [stytchSession]: { expires_at: "2026-11-22T09:00:00Z" } },
        reason: /the token expired at 2026-11-22T09:00:00/,
      },
      {
        name: "a session without expiry",
        claims: { [stytchSession]: { id: "x" } },
        reason: /session\.expires_at\) is missing/,
      },
      { name: "another project", claims: { aud: ["project-live-9999"] }, reason: /^the audience \(aud\) is/ },
    ],
  },
  {
    provider: "descope",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: "P2abcdefghijklmnopqrstuvwxyz,https://api.descope.com/P2abcdefghijklmnopqrstuvwxyz",
    },
    header: { typ: "JWT" },
    claims: {
      ...times,
      iss: "P2abcdefghijklmnopqrstuvwxyz",
      sub: "U2xyz",
      drn: "DS",
      permissions: ["vital"],
    },
    userIdClaim: "sub",
    appUserId: "U2xyz",
    accepted: [
      {
        name: "a URL as issuer",
        claims: { iss: "https://api.descope.com/P2abcdefghijklmnopqrstuvwxyz" },
      },
      { name: "no typ, no drn", header: { typ: undefined }, claims: { drn: undefined } },
      { name: "a permission as the required scope", settings: { AUTH_REQUIRED_SCOPE: "vital" } },
    ],
    rejected: [
      {
        name: "a refresh token by its long lifetime",
        claims: { exp: now + 28 * 86_400, drn: undefined },
        reason: /unknown or longer than 1800 s/,
      },
      { name: "a refresh token by its name", claims: { drn: "DSR" }, reason: /refresh token/ },
      { name: "a token without iat", claims: { iat: undefined }, reason: /unknown or longer than 1800 s/ },
      { name: "an access key", claims: { sub: "K2xyz" }, reason: /access key/ },
      {
        name: "the project id inside another path",
        claims: { iss: "https://evil.example/P2abcdefghijklmnopqrstuvwxyz/x" },
        reason: /^the issuer \(iss\) is/,
      },
      {
        name: "an audience that is not configured",
        claims: { aud: "other" },
        reason: /no audience is accepted/,
      },
    ],
  },
  {
    provider: "fusionauth",
    algorithm: "RS256",
    settings: {
      AUTH_ISSUER: "acme.com",
      AUTH_AUDIENCE: "3c219e58-ed0e-4b18-ad48-f4f92793ae32",
      AUTH_FUSIONAUTH_TENANT_ID: tenant,
    },
    header: { typ: "JWT", gty: ["authorization_code"] },
    claims: {
      ...times,
      iss: "acme.com",
      aud: "3c219e58-ed0e-4b18-ad48-f4f92793ae32",
      sub: uuid,
      tid: tenant,
      applicationId: "3c219e58-ed0e-4b18-ad48-f4f92793ae32",
      authenticationType: "PASSWORD",
      scope: "openid",
    },
    userIdClaim: "sub",
    appUserId: uuid,
    accepted: [
      { name: "no gty", header: { gty: undefined } },
      { name: "EdDSA", algorithm: "EdDSA" },
    ],
    rejected: [
      {
        name: "HS256, FusionAuth's own default",
        algorithm: "HS256",
        reason: /^the algorithm \(alg\) is "HS256"/,
      },
      { name: "an ID token", claims: { at_hash: "x" }, reason: /at_hash/ },
      {
        name: "an entity",
        claims: { applicationId: undefined, authenticationType: undefined, permissions: { x: ["read"] } },
        reason: /entity/,
      },
      {
        name: "permissions without a sign-in",
        claims: { authenticationType: undefined, permissions: { x: ["read"] } },
        reason: /entity/,
      },
      { name: "another application", claims: { aud: uuid }, reason: /^the audience \(aud\) is/ },
      { name: "another tenant", claims: { tid: uuid }, reason: /another tenant/ },
      { name: "client credentials", header: { gty: ["client_credentials"] }, reason: /machine/ },
    ],
  },
  {
    provider: "better-auth",
    algorithm: "EdDSA",
    settings: { AUTH_ISSUER: "https://app.example.com" },
    header: {},
    claims: {
      ...times,
      iss: "https://app.example.com",
      aud: "https://app.example.com",
      sub: "4f5e6d7c8b9a0f1e2d3c4b5a69788796",
      name: "Ann",
    },
    userIdClaim: "sub",
    appUserId: "4f5e6d7c8b9a0f1e2d3c4b5a69788796",
    accepted: [
      { name: "typ JWT", header: { typ: "JWT" } },
      { name: "ES256", algorithm: "ES256" },
    ],
    rejected: [
      { name: "a logout token", header: { typ: "logout+jwt" }, reason: /^the token type \(typ\) is/ },
      { name: "a client as subject", claims: { sub: "app", client_id: "app" }, reason: /machine/ },
      { name: "an OAuth token", header: { typ: "at+jwt" }, reason: /^the token type \(typ\) is/ },
      {
        name: "another audience",
        claims: { aud: "https://other.example.com" },
        reason: /^the audience \(aud\) is/,
      },
      {
        name: "an audience with a trailing slash",
        claims: { aud: "https://app.example.com/" },
        reason: /^the audience \(aud\) is/,
      },
      {
        name: "a client that is not listed",
        settings: { AUTH_CLIENT_IDS: "app" },
        reason: /^the client \(azp\/client_id\)/,
      },
    ],
  },
  {
    provider: "better-auth-oauth",
    algorithm: "EdDSA",
    settings: { AUTH_ISSUER: "https://app.example.com/api/auth", AUTH_AUDIENCE: "https://api.example.com" },
    header: { typ: "at+jwt" },
    claims: {
      ...times,
      iss: "https://app.example.com/api/auth",
      aud: ["https://api.example.com", "https://app.example.com/api/auth/oauth2/userinfo"],
      sub: "4f5e6d7c8b9a0f1e2d3c4b5a69788796",
      azp: "mobile",
      scope: "openid vital",
    },
    userIdClaim: "sub",
    appUserId: "4f5e6d7c8b9a0f1e2d3c4b5a69788796",
    accepted: [
      { name: "the required scope", settings: { AUTH_REQUIRED_SCOPE: "vital" } },
      { name: "the listed client", settings: { AUTH_CLIENT_IDS: "mobile" } },
    ],
    rejected: [
      { name: "no typ", header: { typ: undefined }, reason: /^the token type \(typ\) is/ },
      { name: "a logout token", header: { typ: "logout+jwt" }, reason: /^the token type \(typ\) is/ },
      { name: "client credentials", claims: { sub: "mobile" }, reason: /machine/ },
      {
        name: "another resource",
        claims: { aud: "https://other.example.com" },
        reason: /^the audience \(aud\) is/,
      },
      { name: "a bound token", claims: { cnf: { jkt: "x" } }, reason: /cnf/ },
      {
        name: "another client",
        settings: { AUTH_CLIENT_IDS: "web" },
        reason: /^the client \(azp\/client_id\)/,
      },
    ],
  },
  {
    provider: "custom",
    algorithm: "ES256",
    settings: {
      AUTH_ISSUER: "in-house",
      AUTH_AUDIENCE: "vital",
      AUTH_ALGORITHMS: "ES256",
      AUTH_TOKEN_TYPES: "JWT,absent",
      AUTH_USER_ID_CLAIM: "user_id",
    },
    header: { typ: "JWT" },
    claims: { ...times, iss: "in-house", aud: "vital", user_id: "u-1", scope: ["vital"] },
    userIdClaim: "user_id",
    appUserId: "u-1",
    accepted: [
      {
        name: "a nonce when a setting allows it",
        claims: { nonce: "n" },
        settings: { AUTH_ALLOW_NONCE: "true" },
      },
      { name: "no typ", header: { typ: undefined } },
      { name: "scopes in an array", settings: { AUTH_REQUIRED_SCOPE: "vital" } },
      {
        name: "scopes in one string",
        claims: { scope: "a vital" },
        settings: { AUTH_REQUIRED_SCOPE: "vital" },
      },
      {
        name: "a listed client instead of an audience",
        claims: { aud: undefined, azp: "app" },
        settings: { AUTH_AUDIENCE: "", AUTH_CLIENT_IDS: "app" },
      },
    ],
    rejected: [
      { name: "a nonce", claims: { nonce: "n" }, reason: /AUTH_ALLOW_NONCE=true/ },
      {
        name: "an ID token, by its audience, when a setting allows the nonce",
        claims: { nonce: "n", aud: "app" },
        settings: { AUTH_ALLOW_NONCE: "true" },
        reason: /^the audience \(aud\) is "app"/,
      },
      { name: "RS256", algorithm: "RS256", reason: /^the algorithm \(alg\) is/ },
      { name: "typ at+jwt", header: { typ: "at+jwt" }, reason: /^the token type \(typ\) is/ },
      {
        name: "no user id, although sub is present",
        claims: { user_id: undefined, sub: "u-1" },
        reason: /user_id is missing/,
      },
      {
        name: "another client",
        claims: { aud: undefined, azp: "other" },
        settings: { AUTH_AUDIENCE: "", AUTH_CLIENT_IDS: "app" },
        reason: /azp/,
      },
      {
        name: "an audience that is not configured",
        claims: { azp: "app" },
        settings: { AUTH_AUDIENCE: "", AUTH_CLIENT_IDS: "app" },
        reason: /no audience is accepted/,
      },
      {
        name: "scopes in an unknown format",
        claims: { scope: { vital: true } },
        reason: /not in this provider's format/,
      },
    ],
  },
];
