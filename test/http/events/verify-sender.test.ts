import { generateKeyPairSync, sign as signBytes, type KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  allSecrets,
  arrivedAt,
  basic,
  bearer,
  bearerToken,
  keycloakSecret,
  signByKeycloak,
  otherSecret,
  ownEvent,
  sign,
  signBySvix,
  signingSecret,
  signTimestamped,
  startIngressForTest,
  startIngressForFile,
  workosSigner,
  workosSecret,
  zitadelSecret,
} from "../../support/http/test-ingress.js";

const ingress = await startIngressForFile();

const body = JSON.stringify(ownEvent("u1"));
const after = (seconds: number) => new Date(arrivedAt.getTime() + seconds * 1000);

/** Yields the text with each character changed, one character shorter and longer, and empty. */
function* mutations(text: string): Generator<string> {
  for (let index = 0; index < text.length; index++) {
    const other = text[index] === "A" ? "B" : "A";
    yield text.slice(0, index) + other + text.slice(index + 1);
  }
  yield text.slice(0, -1);
  yield `${text}A`;
  yield "";
}

async function expectAllRejected(requests: Iterable<[string, Record<string, string>]>) {
  const responses = await Promise.all(Array.from(requests, ([text, headers]) => ingress.post(text, headers)));
  expect(responses.length).toBeGreaterThan(3);
  expect(new Set(responses.map(({ status, body: { code } }) => `${status} ${code}`))).toEqual(
    new Set(["401 UNAUTHENTICATED"]),
  );
  expect(ingress.recorded).toEqual([]);
}

describe.each(["webhook", "svix"] as const)("signatures in %s-… headers", (prefix) => {
  const signed = sign(body, { prefix });
  const name = (part: string) => `${prefix}-${part}`;

  test("a message signed by the sender library is accepted", async () => {
    expect((await ingress.post(body, signed)).status).toBe(202);
  });

  test("a body with any byte changed is rejected", async () => {
    await expectAllRejected([...mutations(body)].map((text) => [text, signed]));
  });

  test.each(["id", "timestamp", "signature"])("a %s with any character changed is rejected", async (part) => {
    const value = signed[name(part)] ?? "";
    await expectAllRejected([...mutations(value)].map((text) => [body, { ...signed, [name(part)]: text }]));
  });

  test.each(["id", "timestamp", "signature"])("a request without the %s is rejected", async (part) => {
    const { [name(part)]: _omitted, ...partial } = signed;
    expect((await ingress.post(body, partial)).status).toBe(401);
    expect((await ingress.post(body, { ...partial, ...bearer })).status).toBe(401);
  });
});

test("a message signed by Svix's library is accepted", async () => {
  expect((await ingress.post(body, signBySvix(body))).status).toBe(202);
});

test("the signature covers the raw body, including its whitespace and member order", async () => {
  const text = ' { "data" : { "id" : "u1" } ,\n "type" : "user.created" } ';
  expect((await ingress.post(text, sign(text))).status).toBe(202);
  expect((await ingress.post(text.trim(), sign(text))).status).toBe(401);
});

test.each([
  [-301, 401],
  [-300, 202],
  [300, 202],
  [301, 401],
])("a timestamp %d seconds from now gets %d", async (seconds, status) => {
  expect((await ingress.post(body, sign(body, { at: after(seconds) }))).status).toBe(status);
});

describe("rotation", () => {
  test("a sender with the old secret and a sender with the new one are both accepted", async () => {
    const rotating = await startIngressForTest({
      EVENTS_SIGNING_SECRETS: `${signingSecret}, ${otherSecret}`,
    });
    const responses = [
      await rotating.post(body, sign(body, { secret: signingSecret })),
      await rotating.post(body, sign(body, { secret: otherSecret })),
    ];
    expect(responses.map(({ status }) => status)).toEqual([202, 202]);
  });

  test.each([" ", ", "])(
    "a sender that signs with both secrets is accepted (signatures separated by %j)",
    async (separator) => {
      const both = [sign(body, { secret: otherSecret }), sign(body)].map((h) => h["webhook-signature"] ?? "");
      for (const signatures of [both, both.toReversed()]) {
        const headers = { ...sign(body), "webhook-signature": signatures.join(separator) };
        expect((await ingress.post(body, headers)).status).toBe(202);
      }
    },
  );

  test("a signature with an unknown secret is rejected", async () => {
    expect((await ingress.post(body, sign(body, { secret: otherSecret }))).status).toBe(401);
  });
});

describe("ed25519 (v1a)", () => {
  const [configured, another] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519")];
  const publicKey = (key: KeyObject) =>
    `whpk_${Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url").toString("base64")}`;
  const signedBy = (key: KeyObject, text = body) => {
    const headers = sign(text);
    const content = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
    return {
      ...headers,
      "webhook-signature": `v1a,${signBytes(null, Buffer.from(content), key).toString("base64")}`,
    };
  };

  test("only a signature of the configured public key is accepted", async () => {
    const asymmetric = await startIngressForTest({
      EVENTS_SIGNING_SECRETS: `v1a,${publicKey(configured.publicKey)}`,
    });
    const good = signedBy(configured.privateKey);
    const first = await asymmetric.post(body, good);
    const refused = [
      await asymmetric.post(body, signedBy(another.privateKey)),
      await asymmetric.post(body.replace("u1", "u2"), good),
      await asymmetric.post(body, {
        ...good,
        "webhook-signature": good["webhook-signature"].replace("==", ""),
      }),
      await asymmetric.post(body, {
        ...good,
        "webhook-signature": good["webhook-signature"].replace("v1a", "v1"),
      }),
      await asymmetric.post(body, { ...good, "webhook-signature": "v1a,AAAA" }),
      await asymmetric.post(body, sign(body)),
    ];
    expect(first.status).toBe(202);
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 401]);
  });
});

describe("the work per request is bounded", () => {
  test("a signature after the sixteenth is not checked", async () => {
    const good = sign(body)["webhook-signature"] ?? "";
    const withWrong = (count: number) => [...Array<string>(count).fill("v1,AAAA"), good].join(" ");
    expect((await ingress.post(body, { ...sign(body), "webhook-signature": withWrong(15) })).status).toBe(
      202,
    );
    expect((await ingress.post(body, { ...sign(body), "webhook-signature": withWrong(16) })).status).toBe(
      401,
    );
  });

  test("overlong headers are rejected", async () => {
    const long = "a".repeat(5000);
    expect((await ingress.post(body, sign(body, { id: long }))).status).toBe(401);
    const signature = `${sign(body)["webhook-signature"]} ${long}`;
    expect((await ingress.post(body, { ...sign(body), "webhook-signature": signature })).status).toBe(401);
    expect((await ingress.post(body, { authorization: `Bearer ${long}` })).status).toBe(401);
  });
});

describe.each([
  ["workos-signature", workosSecret, 1],
  ["zitadel-signature", zitadelSecret, 1000],
] as const)("%s", (header, secret, unitMs) => {
  const at = (instant: Date) => Math.floor(instant.getTime() / unitMs);
  const headerOf = (timestamp: number) => signTimestamped({ header, secret, timestamp }, body);

  test("a valid signature is accepted", async () => {
    expect((await ingress.post(body, headerOf(at(arrivedAt)))).status).toBe(202);
  });

  test("a changed signature, timestamp or body is rejected, and so is a time too far from now", async () => {
    const good = headerOf(at(arrivedAt));
    await expectAllRejected([
      ...[...mutations(good[header] ?? "")].map(
        (text) => [body, { [header]: text }] as [string, typeof good],
      ),
      [body.replace("u1", "u2"), good],
      [body, headerOf(at(after(-301)))],
      [body, headerOf(at(after(301)))],
      [body, { ...bearer, [header]: "" }],
    ]);
  });

  test("a request without a configured secret for the scheme is rejected, even with a valid bearer token", async () => {
    const without = await startIngressForTest({ EVENTS_BEARER_TOKENS: bearerToken });
    const response = await without.post(body, { ...bearer, ...headerOf(at(arrivedAt)) });
    expect(response.status).toBe(401);
  });
});

describe("Keycloak's extension", () => {
  const body = JSON.stringify({ type: "access.REGISTER", authDetails: { userId: "u1" }, uid: "1" });

  test("a message with the HMAC-SHA256 of its body is accepted, in either case of the digits", async () => {
    const headers = signByKeycloak(body);
    const upperCase = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.toUpperCase()]),
    );
    expect((await ingress.post(body, headers)).status).toBe(202);
    expect((await ingress.post(body, upperCase)).status).toBe(202);
  });

  test.each([
    ["for another body", signByKeycloak(`${body} `), "Invalid signature"],
    ["with HmacSHA1", signByKeycloak(body, "sha1"), "use HmacSHA256"],
    ["that is empty", { "x-keycloak-signature": "" }, "use HmacSHA256"],
    ["that is shortened", { "x-keycloak-signature": "ab" }, "use HmacSHA256"],
  ])("a signature %s is rejected, even with a valid bearer token", async (_title, headers, detail) => {
    const response = await ingress.post(body, { ...bearer, ...headers });
    expect(response).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
    expect(response.body.detail).toContain(detail);
  });

  test("each of several secrets is accepted, and none is a secret of another scheme", async () => {
    const rotating = await startIngressForTest({
      EVENTS_KEYCLOAK_SECRETS: `${"x".repeat(16)},${keycloakSecret}`,
    });
    expect((await rotating.post(body, signByKeycloak(body))).status).toBe(202);
    const without = await startIngressForTest({ EVENTS_FUSIONAUTH_SECRETS: keycloakSecret });
    expect((await without.post(body, signByKeycloak(body))).status).toBe(401);
  });
});

describe("bearer tokens", () => {
  test.each(["keycloak", "", "user with spaces"])(
    "a token is accepted as the password of HTTP Basic, with the user name %j",
    async (user) => {
      expect((await ingress.post(body, basic(bearerToken, user))).status).toBe(202);
    },
  );

  test.each([`Bearer ${bearerToken}`, `bearer   ${bearerToken}`])("%s is accepted", async (authorization) => {
    expect((await ingress.post(body, { authorization })).status).toBe(202);
  });

  test("each of several tokens is accepted", async () => {
    const two = await startIngressForTest({ EVENTS_BEARER_TOKENS: `${"x".repeat(24)},${bearerToken}` });
    const responses = [
      await two.post(body, bearer),
      await two.post(body, { authorization: `Bearer ${"x".repeat(24)}` }),
    ];
    expect(responses.map(({ status }) => status)).toEqual([202, 202]);
  });

  test.each([
    "",
    "Bearer",
    bearerToken,
    `Basic ${bearerToken}`,
    basic(`${bearerToken}x`).authorization ?? "",
    basic("", bearerToken).authorization ?? "",
    `Basic ${Buffer.from(bearerToken).toString("base64")}`,
    // The extension jessylenne/keycloak-event-listener-http sends this.
    "Basic keycloak:[C@1b2c3d4e",
    `Bearer ${bearerToken}x`,
    `Bearer ${bearerToken.slice(1)}`,
    `Bearer ${bearerToken.toUpperCase()}`,
    `Bearer ${bearerToken} ${bearerToken}`,
  ])("%j is rejected with a challenge", async (authorization) => {
    const response = await ingress.post(body, { authorization });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
  });

  test("a request without credentials is rejected", async () => {
    expect((await ingress.post(body, {})).status).toBe(401);
  });
});

describe("mixed credentials", () => {
  const wrong = sign(body, { secret: otherSecret });

  test("an invalid signature is rejected even with a valid bearer token", async () => {
    expect((await ingress.post(body, { ...wrong, ...bearer })).status).toBe(401);
  });

  test("an unknown bearer token does not affect a valid signature", async () => {
    expect((await ingress.post(body, { ...sign(body), authorization: "Bearer wrong" })).status).toBe(202);
  });

  test("headers of two schemes are rejected, even if one of them is valid", async () => {
    const svix = sign(body, { prefix: "svix" });
    const webhook = sign(body);
    const { "webhook-signature": _signature, ...partial } = webhook;
    const mixed = [
      { ...webhook, ...svix },
      { ...partial, "svix-signature": svix["svix-signature"] ?? "" },
      { ...webhook, "workos-signature": "t=1,v1=00" },
    ];
    for (const headers of mixed) expect((await ingress.post(body, headers)).status).toBe(401);
  });

  test("the secret of one provider does not authenticate another", async () => {
    const zitadelOnly = await startIngressForTest({ EVENTS_ZITADEL_SECRETS: workosSecret });
    const response = await zitadelOnly.post(body, signTimestamped(workosSigner, body));
    expect(response.status).toBe(401);
  });
});

test("no response and no log line contains a secret, a token or a signature", async () => {
  const noisy = await startIngressForTest(allSecrets);
  const wrongToken = "a-wrong-token-that-must-not-leak";
  const responses = [
    await noisy.post(body, { authorization: `Bearer ${wrongToken}` }),
    await noisy.post(body, sign(body, { secret: otherSecret })),
    await noisy.post("{", bearer),
  ];
  const output = JSON.stringify([noisy.lines, responses.map((response) => response.body)]);
  const secrets = [
    wrongToken,
    bearerToken,
    signingSecret,
    workosSecret,
    sign(body, { secret: otherSecret })["webhook-signature"],
  ];
  for (const secret of secrets) expect(output).not.toContain(secret);
  expect(noisy.lines).toHaveLength(3);
});
