import type { ClaimRequirement } from "../policy.js";
import { guid, words, type Preset } from "./preset.js";

const entra = {
  algorithms: ["RS256"],
  tokenTypes: ["jwt"],
  clients: { claims: ["azp", "appid"], need: "optional" },
  requirements: [
    { claim: "scp", matches: /\S/, because: "a token without scp acts for an app, not for a user" },
    { claim: "idtyp", optional: true, is: ["user"], because: "the token is an app's own" },
    { claim: "nonce", in: "header", absent: true, because: "the token is meant for Microsoft Graph" },
  ],
  refusedAudiences: [
    {
      pattern: /^(00000003-0000-0000-c000-000000000000|https:\/\/graph\.microsoft\.com\/?)$/i,
      because: "tokens for Microsoft Graph are not meant for this API; write the client id of your own API",
    },
  ],
  userIdClaim: "oid",
  scopeClaims: [words("scp")],
  clockToleranceSeconds: 30,
} as const;

const ofTenant: ClaimRequirement = {
  claim: "tid",
  is: ["{tenant}"],
  because: "the token is of another tenant",
};

const version = (ver: string): ClaimRequirement => ({
  claim: "ver",
  is: [ver],
  because: "the token's version does not fit its issuer",
});

/** Microsoft Entra ID, its External ID, and Azure AD B2C. Facts: the Microsoft identity platform documentation. */
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
        requirements: [ofTenant, version("2.0")],
      },
      {
        pattern: new RegExp(`^https://sts\\.windows\\.net/(?<tenant>${guid})/$`),
        discovery: "https://login.microsoftonline.com/{tenant}/.well-known/openid-configuration",
        requirements: [ofTenant, version("1.0")],
      },
    ],
    refusedIssuers: [
      {
        pattern: /\/(?:common|organizations|consumers|\{tenantid\})(?:\/|$)/i,
        because: "it stands for every tenant; write the issuer of your own tenant, with its id",
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
        requirements: [ofTenant, version("2.0")],
      },
    ],
    refusedIssuers: [
      {
        pattern: /^https:\/\/login\.microsoftonline\./,
        because: "that is a workforce tenant: AUTH_PROVIDER=entra",
      },
    ],
    audience: { from: "setting", hint: "the application (client) id of your API" },
  },

  b2c: {
    ...entra,
    settingsPrefix: "AUTH_B2C",
    exampleIssuer: "https://your-tenant.b2clogin.com/<tenant id>/v2.0/ (with the slash at the end)",
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
      { claim: "tfp", optional: true, is: ["{policy}"], because: "the token is of another user flow" },
      { claim: "acr", optional: true, is: ["{policy}"], because: "the token is of another user flow" },
      {
        anyOf: [{ claim: "tfp" }, { claim: "acr" }],
        because: "the token does not name its user flow",
      },
    ],
    userIdClaim: "sub",
  },
} as const satisfies Record<string, Preset>;
