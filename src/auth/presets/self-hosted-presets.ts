import { anyHttpUrl, anyHost, array, requireClaim, spaceSeparated, type Preset } from "./preset.js";
import { keycloakUserId, userIdFormats, zitadelUserId } from "./user-id-formats.js";

/** Self-hosted identity providers. Source: their documentation and source code. */
export const selfHostedPresets = {
  keycloak: {
    settingsPrefix: "AUTH_KEYCLOAK",
    exampleIssuer: "https://idp.example.com/realms/your-realm",
    issuers: [{ pattern: /^https?:\/\/[^/]+(?:\/[^/]+)*\/realms\/[^/]+$/ }],
    algorithms: ["RS256", "PS256", "ES256", "EdDSA"],
    tokenTypes: ["jwt", "at+jwt"],
    audience: {
      from: "setting",
      hint: "the audience that an audience mapper in a client scope of the app adds; Keycloak adds none by default",
      fix: "in Keycloak, add an audience mapper for AUTH_AUDIENCE to a client scope of the app's client",
    },
    rejectedAudiences: [
      {
        pattern: /^account$/,
        reason: "most tokens of a realm have it, for any service; add an audience mapper to the app's client",
      },
    ],
    clients: { claims: ["azp"], need: "optional" },
    requirements: [
      { claim: "typ", is: ["Bearer"], reason: "the token is an ID or refresh token" },
      {
        claim: "preferred_username",
        optional: true,
        matchesNot: /^service-account-/,
        reason: "the token belongs to a service account",
      },
      {
        anyOf: [{ claim: "client_id", absent: true }, { claim: "sid" }],
        reason: "the token belongs to a service account: it has client_id and no session",
      },
    ],
    userIdClaim: "sub",
    userIdFormat: keycloakUserId,
    userIdFix: "in Keycloak, add the client scope basic, or a mapper for sub, to the client of the app",
    // Before version 25, access tokens also had the nonce. The typ in the payload distinguishes them from ID tokens.
    idTokenClaims: ["nonce"],
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },

  ory: {
    settingsPrefix: "AUTH_ORY",
    exampleIssuer: "https://your-project.projects.oryapis.com",
    issuers: [{ pattern: anyHttpUrl }],
    algorithms: ["RS256", "ES256"],
    tokenTypes: ["jwt", "at+jwt"],
    audience: { from: "none", checkedInstead: "client_id" },
    clients: { claims: ["client_id"], need: "without-audience" },
    requirements: [
      requireClaim("client_id", "the token is not an access token: it does not name its client"),
    ],
    userIdClaim: "sub",
    // A UUID, or whatever the team's login app accepts.
    userIdFormat: userIdFormats.any,
    scopeClaims: [array("scp"), spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },

  zitadel: {
    settingsPrefix: "AUTH_ZITADEL",
    exampleIssuer: "https://your-instance.zitadel.cloud",
    issuers: [{ pattern: anyHost }],
    algorithms: ["RS256", "ES256", "EdDSA"],
    tokenTypes: ["jwt", "at+jwt"],
    audience: {
      from: "setting",
      hint: "the id of the Zitadel project",
      fix: "request the scope urn:zitadel:iam:org:project:id:<project id>:aud in the app",
    },
    // Tokens of machine users look like those of people. Only the list of accepted clients excludes them.
    clients: { claims: ["azp", "client_id"], need: "always" },
    requirements: [
      requireClaim("jti", "the token is not an access token: it has no id"),
      { claim: "auth_time", absent: true, reason: "the token is an ID token" },
      { claim: "amr", absent: true, reason: "the token is an ID token" },
    ],
    userIdClaim: "sub",
    userIdFormat: zitadelUserId,
    scopeClaims: [{ claim: "urn:zitadel:iam:org:project:{audience}:roles", format: "object-keys" }],
    clockToleranceSeconds: 30,
  },

  fusionauth: {
    settingsPrefix: "AUTH_FUSIONAUTH",
    exampleIssuer: "the issuer of the tenant, for example https://auth.example.com",
    issuers: [
      {
        pattern: /^\S+$/,
        requirements: [{ claim: "tid", is: ["{tenantId}"], reason: "the token belongs to another tenant" }],
      },
    ],
    algorithms: ["RS256", "ES256", "EdDSA"],
    tokenTypes: ["jwt", "at+jwt"],
    audience: { from: "setting", hint: "the id of the FusionAuth application", match: "equals" },
    clients: { claims: [], need: "unused" },
    requirements: [
      {
        anyOf: [{ claim: "authenticationType" }, { claim: "applicationId" }],
        reason: "the token belongs to an entity, not to a user",
      },
      {
        anyOf: [{ claim: "permissions", absent: true }, { claim: "authenticationType" }],
        reason: "the token belongs to an entity, not to a user",
      },
      {
        claim: "gty",
        in: "header",
        optional: true,
        isNot: ["client_credentials"],
        reason: "the token belongs to a machine",
      },
      // Since version 1.60, gty is a claim.
      {
        claim: "gty",
        optional: true,
        isNot: ["client_credentials"],
        reason: "the token belongs to a machine",
      },
    ],
    userIdClaim: "sub",
    userIdFormat: userIdFormats.uuid,
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },

  "better-auth": {
    settingsPrefix: "AUTH_BETTER_AUTH",
    exampleIssuer: "https://app.example.com (the BASE_URL)",
    issuers: [{ pattern: anyHttpUrl, jwks: "{origin}/api/auth/jwks" }],
    algorithms: ["EdDSA", "ES256", "RS256"],
    tokenTypes: ["absent", "jwt"],
    audience: { from: "template", template: "{issuer}" },
    clients: { claims: ["azp", "client_id"], need: "optional" },
    requirements: [],
    userIdClaim: "sub",
    // 32 letters and digits, a serial number, or what `getSubject` returns.
    userIdFormat: userIdFormats.any,
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },

  "better-auth-oauth": {
    settingsPrefix: "AUTH_BETTER_AUTH",
    exampleIssuer: "https://app.example.com",
    issuers: [{ pattern: anyHttpUrl, jwks: "{origin}/api/auth/jwks" }],
    algorithms: ["EdDSA", "ES256", "RS256"],
    tokenTypes: ["at+jwt"],
    audience: { from: "setting", hint: "the resource that the app requests" },
    clients: { claims: ["azp", "client_id"], need: "optional" },
    requirements: [],
    userIdClaim: "sub",
    userIdFormat: userIdFormats.any,
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },
} as const satisfies Record<string, Preset>;
