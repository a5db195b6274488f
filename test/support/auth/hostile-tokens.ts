import { createSecretKey } from "node:crypto";
import { inspect } from "node:util";
import { now, type Claims, type ProviderCase } from "./provider-cases.js";
import { createTokenParts } from "./test-authentication.js";
import { base64url, signToken, type TestKey } from "./tokens.js";

export type HostileToken = { name: string; token: string; reason: RegExp };

type Context = { providerCase: ProviderCase; keys: Record<string, TestKey>; attackerKey: TestKey };

/** Returns the provider's valid token with some parts changed, signed with the right key. */
function changeToken(
  { providerCase, keys }: Context,
  header: Claims | string,
  claims: Claims | string,
): string {
  const parts = createTokenParts(providerCase, { name: "" }, keys);
  const merge = (base: Claims, change: Claims | string) =>
    typeof change === "string"
      ? change
      : Object.fromEntries(Object.entries({ ...base, ...change }).filter(([, value]) => value !== undefined));
  return signToken(
    merge(parts.header, header),
    merge(parts.claims, claims),
    parts.algorithm,
    parts.key.privateKey,
  );
}

function algorithmAttacks(context: Context): HostileToken[] {
  const { providerCase, keys, attackerKey } = context;
  const { header, claims, key } = createTokenParts(providerCase, { name: "" }, keys);
  const rsa = keys.RS256 ?? key;
  const publicKeyAsSecret = createSecretKey(Buffer.from(JSON.stringify(rsa.jwk)));
  const unsigned = `${base64url(JSON.stringify({ ...header, alg: "none" }))}.${base64url(JSON.stringify(claims))}.`;
  const attacks: HostileToken[] = [
    { name: "alg none without signature", token: unsigned, reason: /not a JWT/ },
    {
      name: "alg none with a signature",
      token: changeToken(context, { alg: "none" }, {}),
      reason: /^the algorithm \(alg\) is "none"/,
    },
    {
      name: "alg None",
      token: changeToken(context, { alg: "None" }, {}),
      reason: /^the algorithm \(alg\) is/,
    },
    {
      name: "no alg",
      token: changeToken(context, { alg: undefined }, {}),
      reason: /^the algorithm \(alg\) is missing/,
    },
    {
      name: "alg as a list",
      token: changeToken(context, { alg: [header.alg] }, {}),
      reason: /^the algorithm \(alg\) is/,
    },
    {
      name: "alg constructor",
      token: changeToken(context, { alg: "constructor" }, {}),
      reason: /^the algorithm \(alg\) is/,
    },
    {
      name: "the public key as HMAC secret",
      token: signToken({ ...header, alg: "HS256", kid: rsa.kid }, claims, "HS256", publicKeyAsSecret),
      reason: providerCase.algorithm === "HS256" ? /signature/ : /^the algorithm \(alg\) is "HS256"/,
    },
    {
      name: "HS512",
      token: changeToken(context, { alg: "HS512" }, {}),
      reason: /^the algorithm \(alg\) is "HS512"/,
    },
  ];
  if (providerCase.algorithm === "HS256") return attacks;
  const wrongKind = providerCase.algorithm === "ES256" ? keys.RS256 : keys.ES256;
  return [
    ...attacks,
    {
      name: "a key of another type",
      token: changeToken(context, { kid: wrongKind?.kid }, {}),
      reason: /cannot be used with|matches none of the accepted algorithms/,
    },
    {
      name: "an attacker's key in the header, under a known kid",
      token: signToken({ ...header, jwk: attackerKey.jwk }, claims, "RS256", attackerKey.privateKey),
      reason: providerCase.algorithm === "RS256" ? /signature/ : /./,
    },
    {
      name: "the URL of an attacker's key set",
      token: signToken(
        { ...header, kid: "evil", jku: "https://evil.example/jwks", x5u: "https://evil.example" },
        claims,
        providerCase.algorithm,
        key.privateKey,
      ),
      reason: /no such key/,
    },
  ];
}

function keyIdAttacks(context: Context): HostileToken[] {
  if (context.providerCase.algorithm === "HS256") return [];
  const kids: [string, unknown, RegExp][] = [
    ["an unknown kid", "unknown", /no such key/],
    ["no kid", undefined, /not name a key/],
    ["an empty kid", "", /not name a key/],
    ["a kid that is a number", 1, /not a string/],
    ["a kid that is a path", "../../dev/null", /no such key/],
    ["kid __proto__", "__proto__", /no such key/],
  ];
  return kids.map(([name, kid, reason]) => ({ name, token: changeToken(context, { kid }, {}), reason }));
}

function headerAttacks(context: Context): HostileToken[] {
  const types = [
    "logout+jwt",
    "dpop+jwt",
    "id_token+jwt",
    "secevent+jwt",
    "application/",
    "",
    "absent",
    "JWT\u0000",
  ];
  return [
    ...[...types, 5, null, ["JWT"]].map((typ) => ({
      name: `typ ${JSON.stringify(typ)}`,
      token: changeToken(context, { typ }, {}),
      reason: /^the token type \(typ\) is/,
    })),
    { name: "crit exp", token: changeToken(context, { crit: ["exp"] }, {}), reason: /extension/ },
    { name: "crit b64", token: changeToken(context, { crit: ["b64"], b64: false }, {}), reason: /extension/ },
    { name: "b64 without crit", token: changeToken(context, { b64: true }, {}), reason: /extension/ },
    { name: "an empty crit", token: changeToken(context, { crit: [] }, {}), reason: /extension/ },
    {
      name: "a header that is a list",
      token: changeToken(context, "[]", {}),
      reason: /header is not a JSON/,
    },
    {
      name: "a header that is null",
      token: changeToken(context, "null", {}),
      reason: /header is not a JSON/,
    },
    {
      name: "a header that is not JSON",
      token: changeToken(context, "{", {}),
      reason: /header is not a JSON/,
    },
  ];
}

function timeAttacks(context: Context): HostileToken[] {
  const { claims } = createTokenParts(context.providerCase, { name: "" }, context.keys);
  const infinite = JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999');
  const attacks: [string, Claims | string, RegExp][] = [
    ["expired", { iat: now - 200, exp: now - 100 }, /^the token expired at/],
    ["no exp", { exp: undefined }, /expiry \(exp.*\) is missing/],
    ["exp as text", { exp: String(now + 50) }, /not a valid time/],
    ["exp null", { exp: null }, /not a valid time/],
    ["infinite exp", infinite, /not a valid time/],
    ["nbf in the future", { nbf: now + 60 }, /^nbf is in the future/],
    ["nbf as text", { nbf: String(now) }, /^nbf is not a number/],
    ["iat in the future", { iat: now + 60, exp: now + 120 }, /^iat is in the future/],
    ["iat as text", { iat: "now" }, /^iat is not a number/],
  ];
  return attacks.map(([name, change, reason]) => ({ name, token: changeToken(context, {}, change), reason }));
}

function issuerAttacks(context: Context): HostileToken[] {
  const issuer = String(context.providerCase.claims.iss);
  const others = [
    issuer.endsWith("/") ? issuer.slice(0, -1) : `${issuer}/`,
    issuer.toUpperCase(),
    `${issuer}.evil.example`,
    ` ${issuer}`,
    `${issuer}#`,
    issuer.slice(1),
    "",
    [issuer],
    { 0: issuer },
    null,
    undefined,
    1,
    "__proto__",
  ];
  return others.map((iss) => ({
    name: `issuer ${JSON.stringify(iss)}`,
    token: changeToken(context, {}, { iss }),
    reason: /^the issuer \(iss\) is/,
  }));
}

function audienceAttacks(context: Context): HostileToken[] {
  const aud = [context.providerCase.claims.aud ?? "api"].flat().map(String);
  const first = aud[0] ?? "api";
  const others: unknown[] = [
    "other",
    ["other", "another"],
    `${first}x`,
    first.slice(0, -1),
    `${first} other`,
    first.toUpperCase(),
    [[first]],
    { [first]: true },
    [first, 5],
    1,
    null,
    "",
  ].filter((value) => value !== first);
  const missing = context.providerCase.claims.aud === undefined ? [] : [undefined, []];
  return [...others, ...missing].map((value) => ({
    name: `audience ${JSON.stringify(value)}`,
    token: changeToken(context, {}, { aud: value }),
    reason: /^the audience \(aud\) is/,
  }));
}

function userIdAttacks(context: Context): HostileToken[] {
  const ids = [
    ...[undefined, null, "", 12345, true, ["auth0|1"], { id: "x" }],
    ...["é".repeat(300), `user_|${"a".repeat(300)}`, "user_|\u0000", "user_|a\nb", "user_|\u0085", ".", ".."],
  ];
  const claim = context.providerCase.userIdClaim;
  return [
    ...ids.map((id) => ({
      name: `user id ${inspect(id).slice(0, 30)}`,
      token: changeToken(context, {}, { [claim]: id }),
      reason: /user id|sub|claim/,
    })),
    {
      name: "a user id with half of a surrogate pair",
      token: changeToken(context, {}, { [claim]: "user_|\ud800" }),
      reason: /user id|sub|claim/,
    },
    ...["azp", "client_id", "cid", "appid"].map((client) => ({
      name: `the user id as ${client}`,
      token: changeToken(context, {}, { [client]: context.providerCase.claims[claim] }),
      reason: /machine|client|azp|cid|appid/,
    })),
  ];
}

function extraClaimAttacks(context: Context): HostileToken[] {
  const { provider } = context.providerCase;
  const idTokenClaims = ["at_hash", "c_hash", "nonce"].filter(
    (claim) =>
      !["cognito-id", "firebase"].includes(provider) &&
      !(["keycloak", "b2c"].includes(provider) && claim === "nonce"),
  );
  return [
    ...idTokenClaims.map((claim) => ({
      name: claim,
      token: changeToken(context, {}, { [claim]: "x" }),
      reason: /an ID token/,
    })),
    { name: "act", token: changeToken(context, {}, { act: { sub: "support" } }), reason: /\(act\)/ },
    { name: "act null", token: changeToken(context, {}, { act: null }), reason: /\(act\)/ },
    { name: "cnf", token: changeToken(context, {}, { cnf: { jkt: "x" } }), reason: /\(cnf\)/ },
    { name: "an unknown cnf", token: changeToken(context, {}, { cnf: {} }), reason: /\(cnf\)/ },
  ];
}

function formatAttacks(context: Context): HostileToken[] {
  const valid = changeToken(context, {}, {});
  const [head = "", payload = "", signature = ""] = valid.split(".");
  const { claims } = createTokenParts(context.providerCase, { name: "" }, context.keys);
  const other = base64url(
    JSON.stringify({ ...claims, [context.providerCase.userIdClaim]: "user_|attacker" }),
  );
  const flipped = Buffer.from(signature, "base64url");
  flipped[0] = (flipped[0] ?? 0) ^ 1;
  const attacks: [string, string, RegExp][] = [
    ["an encrypted token", `${valid}.a.b`, /encrypted/],
    ["an opaque token", "ory_at_abcdefgh", /opaque/],
    ["two parts", `${head}.${payload}`, /not a JWT/],
    ["only dots", "..", /not a JWT/],
    ["9 KiB", changeToken(context, {}, { pad: "x".repeat(9 * 1024) }), /longer than 8192 bytes/],
    ["another payload", `${head}.${other}.${signature}`, /signature/],
    ["a flipped signature", `${head}.${payload}.${flipped.toString("base64url")}`, /signature/],
    ["half a signature", `${head}.${payload}.${signature.slice(0, 20)}`, /signature/],
    ["no signature", `${head}.${payload}.`, /not a JWT/],
    ["padding", `${head}.${payload}.${signature}==`, /not a JWT/],
    ["a space inside", `${head}. ${payload}.${signature}`, /not a JWT/],
    ["base64 instead of base64url", `${head}.${payload}.+/${signature}`, /not a JWT/],
    ["claims that are a list", changeToken(context, {}, "[]"), /claims are not a JSON/],
    ["claims that are text", changeToken(context, {}, '"x"'), /claims are not a JSON/],
    ["claims that are not JSON", changeToken(context, {}, "{"), /claims are not a JSON/],
    [
      "deeply nested claims without closing brackets",
      changeToken(context, {}, `${'{"a":'.repeat(900)}1`),
      /claims are not a JSON/,
    ],
    [
      "claims after a byte order mark",
      changeToken(context, {}, `\ufeff${JSON.stringify(claims)}`),
      /claims are not a JSON/,
    ],
    [
      "the valid claims under __proto__",
      changeToken(context, {}, `{"__proto__":${JSON.stringify(claims)}}`),
      /^the issuer \(iss\) is missing/,
    ],
  ];
  return attacks.map(([name, token, reason]) => ({ name, token, reason }));
}

/** Attacks that every provider's rules must reject, created from the provider's valid token. */
export const hostileTokens = (context: Context): HostileToken[] =>
  [
    algorithmAttacks,
    keyIdAttacks,
    headerAttacks,
    timeAttacks,
    issuerAttacks,
    audienceAttacks,
    userIdAttacks,
    extraClaimAttacks,
    formatAttacks,
  ].flatMap((attack) => attack(context));
