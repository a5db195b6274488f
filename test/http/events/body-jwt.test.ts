import { createSecretKey, generateKeyPairSync, hash, type KeyObject } from "node:crypto";
import { CompactSign } from "jose";
import { describe, expect, test } from "vitest";
import {
  bearer,
  bearerToken,
  fusionauthSecret,
  startIngressForTest,
  readExample,
  readSettings,
  startIngressForFile,
} from "../../support/http/test-ingress.js";

const ingress = await startIngressForFile();
const body = readExample("fusionauth.created");
const secretKey = (secret: string) => createSecretKey(Buffer.from(secret));

const unknownExtension = "urn:example:must-be-understood";

type Claims = Record<string, unknown>;
const claimsOf = (text: string): Claims => ({ request_body_sha256: hash("sha256", text, "base64") });

/** Returns FusionAuth's header, with a token signed by jose. */
async function sign(key: KeyObject, alg: string, claims: Claims = claimsOf(body), header: object = {}) {
  const token = await new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ typ: "JWT", alg, kid: "key-1", ...header })
    .sign(key, { crit: { [unknownExtension]: true } });
  return { "x-fusionauth-signature-jwt": token };
}

const signHmac = (claims?: Claims) => sign(secretKey(fusionauthSecret), "HS256", claims);
const toPem = (key: KeyObject) => key.export({ type: "spki", format: "pem" }).toString();
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
const pairs = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  ES256: ec("P-256"),
  ES384: ec("P-384"),
  ES512: ec("P-521"),
  EdDSA: generateKeyPairSync("ed25519"),
};

test.each(["HS256", "HS384", "HS512"])(
  "a body signed with %s and a configured secret is accepted",
  async (alg) => {
    const long = "a-secret-that-is-long-enough-for-hs512".repeat(2);
    const { post } = await startIngressForTest({
      EVENTS_FUSIONAUTH_SECRETS: `another-secret-of-16, ${long}`,
    });
    expect((await post(body, await sign(secretKey(long), alg))).status).toBe(202);
  },
);

test.each(Object.entries(pairs))(
  "a body signed with %s and the private key of a configured public key is accepted",
  async (alg, pair) => {
    const { post } = await startIngressForTest({ EVENTS_FUSIONAUTH_SECRETS: toPem(pair.publicKey) });
    expect((await post(body, await sign(pair.privateKey, alg))).status).toBe(202);
  },
);

test("a public key on one line, with escaped line breaks, is accepted", async () => {
  const oneLine = toPem(rsa.publicKey).replaceAll("\n", String.raw`\n`);
  const { post } = await startIngressForTest({ EVENTS_FUSIONAUTH_SECRETS: oneLine });
  expect((await post(body, await sign(rsa.privateKey, "RS256"))).status).toBe(202);
});

describe("the ingress rejects", () => {
  const expectRejected = async (text: string, headers: Record<string, string>) => {
    const response = await ingress.post(text, headers);
    expect(response).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
  };

  test("a token with any character changed or any part missing", async () => {
    const { "x-fusionauth-signature-jwt": token } = await signHmac();
    const mutants = Array.from(token, (character, index) => {
      const other = character === "A" ? "B" : "A";
      return token.slice(0, index) + other + token.slice(index + 1);
    });
    const parts = token.split(".");
    const cut = ["", parts.slice(0, 2).join("."), `${token}.`, `${token}.x`, token.slice(0, -1), `${token}A`];
    for (const mutant of [...mutants, ...cut]) {
      await expectRejected(body, { "x-fusionauth-signature-jwt": mutant });
    }
  });

  test("a valid token with another body", async () => {
    await expectRejected(`${body} `, await signHmac());
  });

  test.each([
    ["no hash", {}],
    ["another hash", claimsOf("other")],
    ["a hash in hexadecimal", { request_body_sha256: hash("sha256", body, "hex") }],
    ["a hash that is not a string", { request_body_sha256: [hash("sha256", body, "base64")] }],
  ])("a token with %s", async (_title, claims: Claims) => {
    await expectRejected(body, await signHmac(claims));
  });

  test("a token without a signature", async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    for (const alg of ["none", "None", "", "__proto__", 1]) {
      const token = `${part({ alg, typ: "JWT" })}.${part(claimsOf(body))}.`;
      await expectRejected(body, { "x-fusionauth-signature-jwt": token });
    }
  });

  test("a token with extensions that must be understood", async () => {
    const key = secretKey(fusionauthSecret);
    const token = await sign(key, "HS256", claimsOf(body), {
      crit: [unknownExtension],
      [unknownExtension]: 1,
    });
    await expectRejected(body, token);
  });

  test("a token signed with another secret, even with a valid bearer token", async () => {
    const foreign = await sign(secretKey("another-secret-of-the-tests-0001"), "HS256");
    await expectRejected(body, { ...bearer, ...foreign });
  });

  test("a public key used as a secret, and a key used with another key's algorithm", async () => {
    const pem = toPem(rsa.publicKey);
    const { post } = await startIngressForTest({ EVENTS_FUSIONAUTH_SECRETS: pem });
    const responses = [
      await post(body, await sign(secretKey(pem), "HS256")),
      await post(body, await sign(secretKey(pem.trim()), "HS256")),
      await post(body, await sign(rsa.privateKey, "PS256")),
      await post(body, await sign(pairs.ES256.privateKey, "ES256")),
    ];
    expect(responses.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
  });

  test("a token without a configured secret for it, even with a valid bearer token", async () => {
    const { post } = await startIngressForTest({ EVENTS_BEARER_TOKENS: bearerToken });
    expect((await post(body, { ...bearer, ...(await signHmac()) })).status).toBe(401);
  });
});

test.each([
  ["a short secret", "short", /at least 16 characters/],
  ["a private key", rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), /private key/],
  ["half a key", "-----BEGIN PUBLIC KEY-----\nMIIB", /must be a PEM/],
  ["a small key", toPem(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey), /2048 bits/],
  ["a key of another kind", toPem(generateKeyPairSync("x25519").publicKey), /must be a PEM/],
])("%s is rejected at startup, without being printed", (_title, secret, message) => {
  const { problems } = readSettings({ EVENTS_FUSIONAUTH_SECRETS: secret });
  expect(problems).toEqual([expect.stringMatching(message)]);
  expect(problems[0]).toMatch(/^EVENTS_FUSIONAUTH_SECRETS: /);
  expect(problems.join()).not.toContain("MII");
});
