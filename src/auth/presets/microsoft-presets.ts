import type { ClaimRequirement } from "../policy.js";
import { guid, spaceSeparated, type Preset } from "./preset.js";
import { userIdFormats } from "./user-id-formats.js";

const entra = {
  algorithms: ["RS256"],
  tokenTypes: ["jwt"],
  clients: { claims: ["azp", "appid"], need: "optional" },
  requirements: [
    {
      claim: "scp",
      matches: /\S/,
      reason: "the token is an ID token, or it acts for an app and not for a user: it has no scp",
    },
    { claim: "idtyp", optional: true, is: ["user"], reason: "the token belongs to an app, not to a user" },
    { claim: "nonce", in: "header", absent: true, reason: "the token is for Microsoft Graph" },
  ],
  rejectedAudiences: [
    {
      pattern: /^(00000003-0000-0000-c000-000000000000|https:\/\/graph\.microsoft\.com\/?)$/i,
      reason: "tokens for Microsoft Graph are not for this API; use the client id of your own API",
    },
  ],
  userIdClaim: "oid",
  userIdFormat: userIdFormats.uuid,
  userIdFix: "request the scope profile in the app, so that its tokens have oid",
  scopeClaims: [spaceSeparated("scp")],
  clockToleranceSeconds: 30,
} as const;

const sameTenant: ClaimRequirement = {
  claim: "tid",
  is: ["{tenant}"],
  reason: "the token belongs to another tenant",
};

const requireVersion = (ver: string): ClaimRequirement => ({
  claim: "ver",
  is: [ver],
  reason: "the token version does not match the issuer",
});

/** Microsoft Entra ID, its External ID, and Azure AD B2C. Source: the Microsoft identity platform documentation. */
export const microsoftPresets = {
  entra: {
    ...entra,
    settingsPrefix: "AUTH_ENTRA",
    exampleIssuer: "https://login.microsoftonline.com/<tenant id>/v2.0",
    issuers: [
      {
        pattern: new RegExp(
          `^https://login\\.(?:partner\\.)?microsoftonline\\.(?:com|us|de|cn)/(?<tenant>${guid})/v2\\.0$`,
        ),
        requirements: [sameTenant, requireVersion("2.0")],
      },
      {
        pattern: new RegExp(`^https://sts\\.windows\\.net/(?<tenant>${guid})/$`),
        discovery: "https://login.microsoftonline.com/{tenant}/.well-known/openid-configuration",
        requirements: [sameTenant, requireVersion("1.0")],
      },
    ],
    rejectedIssuers: [
      {
        pattern: /\/(?:common|organizations|consumers|\{tenantid\})(?:\/|$)/i,
        reason: "it means every tenant; use the issuer of your own tenant, with its id",
      },
    ],
    audience: { from: "setting", hint: "the application (client) id of your API, or its App ID URI" },
  },

  "entra-external": {
    ...entra,
    settingsPrefix: "AUTH_ENTRA_EXTERNAL",
    exampleIssuer: "https://<tenant id>.ciamlogin.com/<tenant id>/v2.0",
    issuers: [
      {
        pattern: new RegExp(`^https://[^/]+/(?<tenant>${guid})/v2\\.0$`),
        requirements: [sameTenant, requireVersion("2.0")],
      },
    ],
    rejectedIssuers: [
      {
        pattern: /^https:\/\/login\.microsoftonline\./,
        reason: "it is the issuer of a workforce tenant; set AUTH_PROVIDER=entra",
      },
    ],
    audience: { from: "setting", hint: "the application (client) id of your API" },
  },

  b2c: {
    ...entra,
    settingsPrefix: "AUTH_B2C",
    exampleIssuer: "https://your-tenant.b2clogin.com/<tenant id>/v2.0/ (with the trailing slash)",
    issuers: [
      {
        pattern: new RegExp(`^https://[^/]+/tfp/${guid}/(?<policy>[^/]+)/v2\\.0/$`),
        requirements: [],
      },
      {
        pattern: new RegExp(`^https://[^/]+/(?<tenant>${guid})/v2\\.0/$`),
        discovery: "{origin}/{tenant}/{policy}/v2.0/.well-known/openid-configuration",
      },
    ],
    audience: { from: "setting", hint: "the application (client) id of your API" },
    requirements: [
      ...entra.requirements,
      { claim: "tfp", optional: true, is: ["{policy}"], reason: "the token comes from another user flow" },
      { claim: "acr", optional: true, is: ["{policy}"], reason: "the token comes from another user flow" },
      {
        anyOf: [{ claim: "tfp" }, { claim: "acr" }],
        reason: "the token does not name its user flow",
      },
    ],
    // Its access tokens also have the nonce (MicrosoftDocs/azure-docs#29240). The scp distinguishes them from ID tokens.
    idTokenClaims: ["nonce"],
    // Some user flows write the same sentence into the sub of every user; in others, sub is the object id.
    userIdFallbackClaim: "sub",
    userIdFix:
      "in Azure AD B2C, add the user's object ID to the application claims of the user flow, so that tokens have oid",
  },
} as const satisfies Record<string, Preset>;
