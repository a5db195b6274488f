import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { hasEventSource, listStartupNotes } from "../../../src/http/events/event-settings.js";
import { bearerToken, otherSecret, readSettings, signingSecret } from "../../support/http/test-ingress.js";

const publicKey = `whpk_${Buffer.alloc(32, 1).toString("base64")}`;
const base64OfBytes = (bytes: number) => Buffer.alloc(bytes, 3).toString("base64");

describe("signing secrets", () => {
  test.each([
    [signingSecret, 1, 0],
    [`${signingSecret},${otherSecret}`, 2, 0],
    [`v1,${signingSecret}`, 1, 0],
    [`${otherSecret}, v1,${signingSecret}, ${publicKey}`, 2, 1],
    [`v1a,${publicKey}`, 0, 1],
    [`whsec_${base64OfBytes(24)}`, 1, 0],
    [`whsec_${base64OfBytes(64).replaceAll("=", "")}`, 1, 0],
  ])("%s contains %d shared and %d public keys", (text, hmac, ed25519) => {
    const { settings, problems } = readSettings({ EVENTS_SIGNING_SECRETS: text });
    expect(problems).toEqual([]);
    expect(settings.signingKeys.hmac).toHaveLength(hmac);
    expect(settings.signingKeys.ed25519).toHaveLength(ed25519);
    expect(hasEventSource(settings)).toBe(true);
  });

  test.each([
    [
      `whsec_${base64OfBytes(23)}`,
      /^EVENTS_SIGNING_SECRETS: must be whsec_ followed by the base64 of 24 to 64 bytes$/,
    ],
    [`whsec_${base64OfBytes(65)}`, /24 to 64 bytes/],
    ["whsec_not base64 at all!", /24 to 64 bytes/],
    [`whpk_${base64OfBytes(31)}`, /32 bytes of an ed25519 public key/],
    [`whsk_${base64OfBytes(64)}`, /private key/],
    ["plain-secret", /must start with whsec_/],
    [`v1,${publicKey}`, /item 1 must start with whsec_/],
    [`${signingSecret},v1`, /item 2 must start with whsec_/],
    [Array(11).fill(signingSecret).join(","), /11 items; configure at most 10/],
  ])("%s is rejected", (text, message) => {
    const { problems } = readSettings({ EVENTS_SIGNING_SECRETS: text });
    expect(problems).toEqual([expect.stringMatching(message)]);
  });
});

test.each([
  ["EVENTS_BEARER_TOKENS", "Zk4Tq8Rw2Lm6Yc0Vb3Nh7Ps", /at least 24 characters/],
  [
    "EVENTS_BEARER_TOKENS",
    `${bearerToken},${"\u00e9".repeat(24)}`,
    /item 2 must have at least 24 characters, ASCII/,
  ],
  ["EVENTS_BEARER_TOKENS", "two words, of which one has a space in it", /item 1 /],
  ["EVENTS_WORKOS_SECRETS", "short", /at least 16 characters/],
  ["EVENTS_ZITADEL_SECRETS", "short", /at least 16 characters/],
  ["EVENTS_USER_ID_POINTER", "data.id", /must be a JSON pointer such as \/data\/id/],
  ["EVENTS_TYPE_POINTER", "/a~2b", /must be a JSON pointer/],
  ["EVENTS_TIME_POINTER", "#/time", /must be a JSON pointer/],
])("%s rejects %j and names the setting", (name, text, message) => {
  const { problems } = readSettings({ [name]: text });
  expect(problems[0]).toMatch(message);
  expect(problems.every((problem) => problem.startsWith(`${name}: `))).toBe(true);
});

test("all problems are reported together, and none contains a secret", () => {
  const secrets = ["whsec_secretsecret", "shorttoken", "shortworkos"] as const;
  const { problems } = readSettings({
    EVENTS_SIGNING_SECRETS: secrets[0],
    EVENTS_BEARER_TOKENS: secrets[1],
    EVENTS_WORKOS_SECRETS: secrets[2],
    EVENTS_USER_ID_POINTER: "id",
    EVENTS_CREATED_TYPES: "a,b",
    EVENTS_DELETED_TYPES: "b,c",
  });
  expect(problems.map((problem) => problem.split(":", 1)[0])).toEqual([
    "EVENTS_SIGNING_SECRETS",
    "EVENTS_WORKOS_SECRETS",
    "EVENTS_BEARER_TOKENS",
    "EVENTS_DELETED_TYPES",
    "EVENTS_USER_ID_POINTER",
  ]);
  for (const secret of secrets) expect(problems.join()).not.toContain(secret);
});

test.each([
  ["EVENTS_TYPE_POINTER", { EVENTS_TYPE_POINTER: "/events/*/type" }],
  ["EVENTS_TIME_POINTER", { EVENTS_TYPE_POINTER: "/users/*/type", EVENTS_TIME_POINTER: "/times/*" }],
  ["EVENTS_TIME_POINTER", { EVENTS_TYPE_POINTER: "/type", EVENTS_TIME_POINTER: "/users/*/at" }],
])("%s must not apply a value of one event to another", (name, pointers) => {
  const { problems } = readSettings({ EVENTS_USER_ID_POINTER: "/users/*/id", ...pointers });
  expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name}: has a \\* that`))]);
});

test("printed settings contain no secret", () => {
  const { settings } = readSettings({
    EVENTS_SIGNING_SECRETS: signingSecret,
    EVENTS_BEARER_TOKENS: bearerToken,
    EVENTS_ZITADEL_SECRETS: "zitadel-secret-of-the-tests",
  });
  const printed = inspect(settings, { depth: 9, showHidden: true }) + JSON.stringify(settings);
  for (const secret of [signingSecret.slice(6), bearerToken, "zitadel-secret"])
    expect(printed).not.toContain(secret);
});

describe("startup notes", () => {
  test("a missing event source is reported", () => {
    const { settings, problems } = readSettings({});
    expect(problems).toEqual([]);
    expect(hasEventSource(settings)).toBe(false);
    expect(listStartupNotes(settings)).toEqual([expect.stringContaining("POST /v1/events responds 404")]);
  });

  test("static tokens are reported, signatures are not", () => {
    const tokens = readSettings({ EVENTS_BEARER_TOKENS: bearerToken });
    const signed = readSettings({ EVENTS_SIGNING_SECRETS: signingSecret });
    expect(listStartupNotes(tokens.settings)).toEqual([expect.stringContaining("weaker than a signature")]);
    expect(listStartupNotes(signed.settings)).toEqual([]);
  });
});
