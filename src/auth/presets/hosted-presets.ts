import { anyHost, array, requireClaim, requireSub, spaceSeparated, type Preset } from "./preset.js";
import {
  auth0UserId,
  firebaseUserId,
  oktaUserId,
  stytchUserId,
  userIdFormats,
  userPrefixedId,
} from "./user-id-formats.js";

const stytchSession = "https://stytch.com/session";

/** The issuer of a user pool, in the original or the updated format. The settings of the pool select one of them. */
const userPool =
  /^https:\/\/(?:issuer-)?cognito-idp\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?\/[a-z0-9-]+_[A-Za-z0-9]+$/;

/** Hosted identity providers. Source: their documentation and SDKs. */
export const hostedPresets = {
  auth0: {
    settingsPrefix: "AUTH_AUTH0",
    exampleIssuer: "https://your-tenant.eu.auth0.com/ (with the trailing slash)",
    issuers: [{ pattern: /^https?:\/\/[^/]+\/$/ }],
    algorithms: ["RS256", "PS256"],
    tokenTypes: ["jwt", "at+jwt"],
    audience: {
      from: "setting",
      hint: "the identifier of your API in Auth0, for example https://api.example.com",
    },
    rejectedAudiences: [
      {
        pattern: /^https?:\/\/[^/]+\.auth0\.com\/api\/v2\/$/,
        reason: "it is the audience of Auth0's own Management API; use the identifier of your API",
      },
      {
        pattern: /\/userinfo$/,
        reason:
          "every token that is requested with the scope openid has it, for any API; use the identifier of your API",
      },
    ],
    audienceIsNeverClientId: true,
    clients: { claims: ["azp", "client_id"], need: "optional" },
    requirements: [
      {
        anyOf: [{ claim: "azp" }, { claim: "client_id" }],
        reason: "the token is not an access token: it does not name its client",
      },
      requireSub(/\|/, "the token belongs to a machine or an agent: a user's sub has the format strategy|id"),
      { claim: "sub", matchesNot: /@clients$/, reason: "the token comes from the client credentials grant" },
      {
        claim: "gty",
        optional: true,
        isNot: ["client-credentials", "client_credentials"],
        reason: "the token belongs to a machine",
      },
      { claim: "sub_profile", optional: true, is: ["user"], reason: "the subject is not a user" },
    ],
    userIdClaim: "sub",
    userIdFormat: auth0UserId,
    scopeClaims: [spaceSeparated("scope"), array("permissions")],
    clockToleranceSeconds: 30,
  },

  clerk: {
    settingsPrefix: "AUTH_CLERK",
    exampleIssuer: "https://clerk.example.com",
    issuers: [{ pattern: anyHost, jwks: "{issuer}/.well-known/jwks.json" }],
    algorithms: ["RS256"],
    tokenTypes: ["jwt"],
    audience: { from: "none", checkedInstead: "azp (the origin of the app)" },
    clients: { claims: [], need: "unused" },
    requirements: [
      {
        claim: "sid",
        matches: /^sess_/,
        reason: "the token has no session: it may come from a JWT template",
      },
      { claim: "sts", optional: true, is: ["active"], reason: "the session is pending" },
      {
        claim: "cat",
        in: "header",
        optional: true,
        is: ["cl_B7d4PD111AAA"],
        reason: "the category in the header is not that of a session token",
      },
      requireSub(/^user_/, "the subject is not a user"),
    ],
    userIdClaim: "sub",
    userIdFormat: userPrefixedId,
    scopeClaims: [],
    clockToleranceSeconds: 5,
  },

  "clerk-oauth": {
    settingsPrefix: "AUTH_CLERK",
    exampleIssuer: "https://clerk.example.com",
    issuers: [{ pattern: anyHost }],
    algorithms: ["RS256"],
    tokenTypes: ["at+jwt"],
    audience: { from: "none", checkedInstead: "client_id" },
    clients: { claims: ["client_id"], need: "always" },
    requirements: [requireSub(/^user_/, "the subject is not a user")],
    userIdClaim: "sub",
    userIdFormat: userPrefixedId,
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },

  cognito: {
    settingsPrefix: "AUTH_COGNITO",
    exampleIssuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
    issuers: [{ pattern: userPool }],
    algorithms: ["RS256"],
    tokenTypes: ["absent", "jwt", "at+jwt"],
    audience: { from: "none", checkedInstead: "client_id" },
    clients: { claims: ["client_id"], need: "always" },
    requirements: [
      { claim: "token_use", is: ["access"], reason: "this preset accepts only access tokens" },
      requireClaim("username", "the token belongs to a machine: it has no user name"),
    ],
    userIdClaim: "sub",
    userIdFormat: userIdFormats.uuid,
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },

  "cognito-id": {
    settingsPrefix: "AUTH_COGNITO",
    exampleIssuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
    issuers: [{ pattern: userPool }],
    algorithms: ["RS256"],
    tokenTypes: ["absent", "jwt"],
    audience: { from: "clients", fix: "to accept access tokens, set AUTH_PROVIDER=cognito" },
    clients: { claims: [], need: "always" },
    requirements: [
      { claim: "token_use", is: ["id"], reason: "this preset accepts only ID tokens" },
      requireClaim("cognito:username", "the token has no user name"),
    ],
    userIdClaim: "sub",
    userIdFormat: userIdFormats.uuid,
    idTokenClaims: ["at_hash", "c_hash", "nonce"],
    scopeClaims: [],
    clockToleranceSeconds: 30,
  },

  firebase: {
    settingsPrefix: "AUTH_FIREBASE",
    exampleIssuer: "https://securetoken.google.com/your-project-id",
    // All Google projects share the same keys. Only the issuer and the audience distinguish them.
    issuers: [
      {
        pattern: /^https:\/\/securetoken\.google\.com\/(?<projectId>[a-z0-9:.-]+)$/,
        jwks: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
      },
    ],
    algorithms: ["RS256"],
    tokenTypes: ["jwt"],
    audience: { from: "template", template: "{projectId}", match: "equals" },
    clients: { claims: [], need: "unused" },
    requirements: [
      { claim: "auth_time", past: true, reason: "the time of the sign-in is missing or in the future" },
    ],
    notAnonymous: [
      {
        claim: ["firebase", "sign_in_provider"],
        matches: /^(?!anonymous$)/,
        reason: "the user is anonymous; to accept anonymous users, set AUTH_ALLOW_ANONYMOUS=true",
      },
    ],
    // Firebase has only ID tokens. The claims of a session cookie or a custom token differ in the issuer.
    idTokenClaims: ["at_hash", "c_hash", "nonce"],
    userIdClaim: "sub",
    userIdFormat: firebaseUserId,
    scopeClaims: [],
    clockToleranceSeconds: 30,
  },

  okta: {
    settingsPrefix: "AUTH_OKTA",
    exampleIssuer: "https://your-domain.okta.com/oauth2/default",
    issuers: [{ pattern: /^https?:\/\/[^/]+\/oauth2\/(?!v1$)[^/]+$/ }],
    rejectedIssuers: [
      {
        pattern: /^https?:\/\/[^/]*-admin\.[^/]+/,
        reason: "it is the URL of the admin console; remove -admin",
      },
      {
        pattern: /^https?:\/\/[^/]+(?:\/|\/oauth2|\/oauth2\/v1)?$/,
        reason:
          "it is Okta's org authorization server, whose access tokens only Okta can verify; use a custom one, https://<domain>/oauth2/<id>",
      },
    ],
    algorithms: ["RS256", "ES256"],
    tokenTypes: ["absent", "jwt", "at+jwt"],
    audience: {
      from: "setting",
      hint: "the audience of the custom authorization server, for example api://default",
    },
    audienceIsNeverClientId: true,
    clients: { claims: ["cid"], need: "optional" },
    requirements: [requireClaim("cid", "the token is not an access token: it does not name its client")],
    userIdClaim: "uid",
    userIdFormat: oktaUserId,
    scopeClaims: [array("scp")],
    clockToleranceSeconds: 30,
  },

  workos: {
    settingsPrefix: "AUTH_WORKOS",
    exampleIssuer: "https://api.workos.com",
    // All customers share the issuer. Only the URL of the keys distinguishes them: each client id has its own.
    issuers: [{ pattern: /^https?:\/\/[^/]+\/?$/, jwks: "https://api.workos.com/sso/jwks/{clientId}" }],
    algorithms: ["RS256"],
    tokenTypes: ["absent", "jwt"],
    audience: { from: "none", checkedInstead: "the keys of the WorkOS client id" },
    clients: { claims: ["client_id"], need: "optional" },
    requirements: [
      { claim: "sid", matches: /^session_/, reason: "the token does not belong to a session" },
      requireSub(/^user_/, "the subject is not a user"),
    ],
    userIdClaim: "sub",
    userIdFormat: userPrefixedId,
    scopeClaims: [array("permissions")],
    clockToleranceSeconds: 5,
  },

  stytch: {
    settingsPrefix: "AUTH_STYTCH",
    exampleIssuer: "stytch.com/project-live-<id>",
    issuers: [
      {
        pattern: /^stytch\.com\/(?<projectId>project-live-[\w-]+)$/,
        jwks: "https://api.stytch.com/v1/{sessions}/jwks/{projectId}",
      },
      {
        pattern: /^stytch\.com\/(?<projectId>project-test-[\w-]+)$/,
        jwks: "https://test.stytch.com/v1/{sessions}/jwks/{projectId}",
      },
      { pattern: anyHost, jwks: "{issuer}/v1/{sessions}/jwks/{projectId}" },
    ],
    algorithms: ["RS256"],
    tokenTypes: ["jwt", "absent"],
    audience: { from: "template", template: "{projectId}" },
    clients: { claims: [], need: "unused" },
    requirements: [
      requireClaim(stytchSession, "the token has no session: it may belong to a machine or a connected app"),
      { claim: "client_id", absent: true, reason: "the token belongs to a connected app" },
    ],
    expiresWith: [stytchSession, "expires_at"],
    userIdClaim: "sub",
    userIdFormat: stytchUserId,
    scopeClaims: [],
    clockToleranceSeconds: 5,
  },

  descope: {
    settingsPrefix: "AUTH_DESCOPE",
    exampleIssuer: "the project id, or https://api.descope.com/<project id>, as in your tokens",
    issuers: [
      {
        // In an id with more than 27 characters after the P, those before the last 27 are the region.
        pattern: /^(?<projectId>P(?<region>[a-z0-9]{1,13})[A-Za-z0-9]{27})$/,
        jwks: "https://api.{region}.descope.com/v2/keys/{projectId}",
      },
      {
        pattern: /^(?<projectId>P[A-Za-z0-9]{20,40})$/,
        jwks: "https://api.descope.com/v2/keys/{projectId}",
      },
      {
        pattern: /^https?:\/\/[^/]+(?:\/[^/]+)*\/(?<projectId>P[A-Za-z0-9]{20,40})(?:\/[^/]+)?$/,
        jwks: "{origin}/v2/keys/{projectId}",
      },
    ],
    algorithms: ["RS256"],
    tokenTypes: ["jwt", "absent"],
    audience: { from: "none", checkedInstead: "the issuer and keys of the Descope project" },
    clients: { claims: [], need: "unused" },
    requirements: [
      { claim: "drn", optional: true, isNot: ["DSR"], reason: "the token is a refresh token" },
      { claim: "sub", matchesNot: /^K/, reason: "the subject is an access key, not a user" },
    ],
    userIdClaim: "sub",
    // `U` and a KSUID, or an id that the team chooses.
    userIdFormat: userIdFormats.any,
    scopeClaims: [array("permissions")],
    clockToleranceSeconds: 5,
  },
} as const satisfies Record<string, Preset>;
