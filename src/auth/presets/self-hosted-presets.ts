import { anyAddress, anyHost, array, requireClaim, spaceSeparated, type Preset } from "./preset.js";

/** Providers that teams run themselves. Facts: their documentation and source. */
export const selfHostedPresets = {
  keycloak: {
    settingsPrefix: "AUTH_KEYCLOAK",
    exampleIssuer: "https://idp.example.com/realms/your-realm",
    issuers: [{ pattern: /^https?:\/\/[^/]+(?:\/[^/]+)*\/realms\/[^/]+$/ }],
    algorithms: ["RS256", "PS256", "ES256", "EdDSA"],
    tokenTypes: ["jwt", "at+jwt"],
    audience: {
      from: "setting",
      hint: "the audience that an audience mapper of the app's client scope adds; Keycloak adds none by itself",
      fix: "add an audience mapper with it to a client scope of the app's client in Keycloak; if this is it, AUTH_AUDIENCE",
    },
    rejectedAudiences: [
      {
        pattern: /^account$/,
        reason:
          "most tokens of a realm have it, whatever they are for; add an audience mapper to the app's client",
      },
    ],
    clients: { claims: ["azp"], need: "optional" },
    requirements: [
      { claim: "typ", is: ["Bearer"], reason: "an ID or refresh token" },
      {
        claim: "preferred_username",
        optional: true,
        matchesNot: /^service-account-/,
        reason: "the token of a service account",
      },
      {
        anyOf: [{ claim: "client_id", absent: true }, { claim: "sid" }],
        reason: "a token with client_id and without a session is a service account's",
      },
    ],
    userIdClaim: "sub",
    // Before version 25 access tokens carried the nonce as well; the payload's typ tells them apart.
    idTokenClaims: ["nonce"],
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },

  ory: {
    settingsPrefix: "AUTH_ORY",
    exampleIssuer: "https://your-project.projects.oryapis.com",
    issuers: [{ pattern: anyAddress }],
    algorithms: ["RS256", "ES256"],
    tokenTypes: ["jwt", "at+jwt"],
    audience: { from: "none", checkedInstead: "client_id" },
    clients: { claims: ["client_id"], need: "without-audience" },
    requirements: [requireClaim("client_id", "an access token names its client; an ID token does not")],
    userIdClaim: "sub",
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
      fix: "let the app ask for the scope urn:zitadel:iam:org:project:id:<project id>:aud; if this is it, AUTH_AUDIENCE",
    },
    // Machine users look like users: the list of the apps' clients is the only thing that keeps them out.
    clients: { claims: ["azp", "client_id"], need: "always" },
    requirements: [
      requireClaim("jti", "an access token has an id; an ID token has none"),
      { claim: "auth_time", absent: true, reason: "an ID token" },
      { claim: "amr", absent: true, reason: "an ID token" },
    ],
    userIdClaim: "sub",
    scopeClaims: [{ claim: "urn:zitadel:iam:org:project:{audience}:roles", format: "object-keys" }],
    clockToleranceSeconds: 30,
  },

  fusionauth: {
    settingsPrefix: "AUTH_FUSIONAUTH",
    exampleIssuer: "the issuer of the tenant, such as https://auth.example.com",
    issuers: [
      {
        pattern: /^\S+$/,
        requirements: [{ claim: "tid", is: ["{tenantId}"], reason: "the token is of another tenant" }],
      },
    ],
    algorithms: ["RS256", "ES256", "EdDSA"],
    tokenTypes: ["jwt", "at+jwt"],
    audience: { from: "setting", hint: "the id of the FusionAuth application", match: "equals" },
    clients: { claims: [], need: "unused" },
    requirements: [
      {
        anyOf: [{ claim: "authenticationType" }, { claim: "applicationId" }],
        reason: "the token of an entity, no user's",
      },
      {
        anyOf: [{ claim: "permissions", absent: true }, { claim: "authenticationType" }],
        reason: "the token of an entity, no user's",
      },
      {
        claim: "gty",
        in: "header",
        optional: true,
        isNot: ["client_credentials"],
        reason: "a machine's token",
      },
    ],
    userIdClaim: "sub",
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },

  "better-auth": {
    settingsPrefix: "AUTH_BETTER_AUTH",
    exampleIssuer: "https://app.example.com (the BASE_URL)",
    issuers: [{ pattern: anyAddress, jwks: "{origin}/api/auth/jwks" }],
    algorithms: ["EdDSA", "ES256", "RS256"],
    tokenTypes: ["absent", "jwt"],
    audience: { from: "template", template: "{issuer}" },
    clients: { claims: ["azp", "client_id"], need: "optional" },
    requirements: [],
    userIdClaim: "sub",
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },

  "better-auth-oauth": {
    settingsPrefix: "AUTH_BETTER_AUTH",
    exampleIssuer: "https://app.example.com",
    issuers: [{ pattern: anyAddress, jwks: "{origin}/api/auth/jwks" }],
    algorithms: ["EdDSA", "ES256", "RS256"],
    tokenTypes: ["at+jwt"],
    audience: { from: "setting", hint: "the resource that the app asks for" },
    clients: { claims: ["azp", "client_id"], need: "optional" },
    requirements: [],
    userIdClaim: "sub",
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },
} as const satisfies Record<string, Preset>;
