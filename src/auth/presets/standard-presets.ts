import { anyHttpUrl, requireClaim, spaceSeparated, type Preset } from "./preset.js";
import { userIdFormats } from "./user-id-formats.js";

/** The claims that RFC 9068 §2.2 requires besides `iss`, `exp` and `aud`. An ID token does not have all of them. */
const rfc9068Claims = ["client_id", "iat", "jti", "sub"].map((claim) =>
  requireClaim(claim, "RFC 9068 §2.2 requires this claim in an access token"),
);

/** Tokens that follow RFC 9068, and tokens of an issuer without a preset. */
export const standardPresets = {
  rfc9068: {
    settingsPrefix: "AUTH_RFC9068",
    exampleIssuer: "https://idp.example.com",
    issuers: [{ pattern: anyHttpUrl }],
    algorithms: ["RS256", "PS256", "ES256", "EdDSA"],
    tokenTypes: ["at+jwt"],
    audience: { from: "setting", hint: "the resource identifier of this API at your issuer" },
    clients: { claims: ["client_id"], need: "optional" },
    requirements: rfc9068Claims,
    userIdClaim: "sub",
    userIdFormat: userIdFormats.any,
    scopeClaims: [spaceSeparated("scope")],
    clockToleranceSeconds: 30,
  },

  custom: {
    settingsPrefix: "AUTH_CUSTOM",
    exampleIssuer: "the iss of your tokens",
    issuers: [{ pattern: /^\S+$/ }],
    algorithms: [],
    tokenTypes: [],
    audience: { from: "none", checkedInstead: "the client" },
    clients: { claims: ["azp", "client_id", "cid", "appid"], need: "without-audience" },
    requirements: [],
    userIdClaim: "",
    userIdFormat: userIdFormats.any,
    scopeClaims: [],
    clockToleranceSeconds: 30,
  },
} as const satisfies Record<string, Preset>;
