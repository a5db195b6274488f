import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import { createKeySets, scheduleTimer, type KeySets } from "../../src/auth/keys/key-sets.js";
import { startIssuer, type TestIssuer } from "../support/auth/test-issuer.js";
import { createManualClock } from "../support/manual-clock.js";
import { createRecordingLog, silentLog } from "../support/recording-log.js";
import { createTestKey, signToken, type TestKey } from "../support/auth/tokens.js";
import { now } from "../support/auth/provider-cases.js";
import { bearer, createAuthentication, readPolicy } from "../support/auth/test-authentication.js";

const first = createTestKey("k1", "ES256");
const second = createTestKey("k2", "ES256");
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startTest(
  options: { keys?: TestKey[]; timeoutMs?: number; settings?: Record<string, string> } = {},
) {
  const issuer = await startIssuer();
  closers.push(() => issuer.close());
  const iss = issuer.publishIssuer("/team", options.keys ?? [first]);
  const policy = readPolicy({ AUTH_ISSUER: iss, AUTH_AUDIENCE: "api", ...options.settings });
  const clock = createManualClock();
  const { log, lines } = createRecordingLog();
  const { now, schedule } = clock;
  const keySets = createKeySets({ policy, log, now, schedule, timeoutMs: options.timeoutMs ?? 5000 });
  closers.push(() => keySets.close());
  return { issuer, iss, clock, lines, keySets, find: finderOf(keySets, iss) };
}

/** Returns a function that looks up a key and returns "key", the problem, or the error. */
const finderOf =
  (keySets: KeySets, iss: string) =>
  async (kid: string | undefined, algorithm = "ES256") => {
    const set = keySets.forIssuer(iss);
    if (set === undefined) throw new Error("no such issuer");
    return set.find(kid, algorithm).then(
      (found) => ("key" in found ? "key" : found.problem),
      (error: unknown) => error as { code: string; retryAfterMs: number; reason: string },
    );
  };

const publishKeys = (issuer: TestIssuer, keys: TestKey[]) => issuer.publish("/team/jwks", keys);
const unavailable = { code: "AUTH_UNAVAILABLE" };

test("a key is found through discovery, only for its own algorithm", async () => {
  const { find } = await startTest();
  expect(await find("k1")).toBe("key");
  expect(await find("k1", "RS256")).toMatch(/cannot be used with/);
  expect(await find("other")).toMatch(/no such key/);
});

test("a new signing key works within 30 seconds of a rotation, even while clients keep sending unknown kids", async () => {
  const { issuer, find, clock, keySets } = await startTest();
  keySets.start();
  await find("k1");
  clock.advance(11_000);
  expect(await find("unknown")).toMatch(/no such key/);
  publishKeys(issuer, [first, second]);
  // During the cooldown after the first fetch, no token causes another one.
  expect(await find("k2")).toMatch(/no such key/);
  const before = issuer.requests.length;
  clock.advance(25_000);
  await expect.poll(() => issuer.requests.length, { interval: 5 }).toBeGreaterThan(before);
  expect(await find("k2")).toBe("key");
});

test("a new signing key is fetched immediately when the last fetch is long enough ago", async () => {
  const { issuer, find, clock } = await startTest();
  expect(await find("k1")).toBe("key");
  publishKeys(issuer, [second]);
  clock.advance(10_001);
  expect(await find("k2")).toBe("key");
});

test("400 tokens with unknown keys cause at most one more request to the issuer", async () => {
  const { issuer, find, clock, keySets } = await startTest();
  keySets.start();
  await find("k1");
  clock.advance(11_000);
  const results = await Promise.all(Array.from({ length: 200 }, (_, index) => find(`unknown-${index}`)));
  for (let index = 0; index < 200; index += 1) results.push(await find(`later-${index}`));
  expect(new Set(results)).toEqual(new Set(["the issuer publishes no such key"]));
  expect(issuer.requests.length).toBeLessThanOrEqual(3);
});

test("a hundred concurrent first tokens cause one discovery request and one key set request", async () => {
  const { issuer, find } = await startTest();
  expect(new Set(await Promise.all(Array.from({ length: 100 }, () => find("k1"))))).toEqual(new Set(["key"]));
  expect(issuer.requests).toEqual(["/team/.well-known/openid-configuration", "/team/jwks"]);
});

test("known keys stay valid while the issuer is down for an hour, and expire after a day", async () => {
  const { issuer, find, clock, keySets } = await startTest();
  keySets.start();
  expect(await find("k1")).toBe("key");
  issuer.fail("/team/jwks");
  issuer.fail("/team/.well-known/openid-configuration");
  for (let minute = 0; minute < 60; minute += 1) {
    clock.advance(60_000);
    expect(await find("k1")).toBe("key");
  }
  expect(await find("k2")).toMatchObject(unavailable);
  clock.advance(23 * 60 * 60_000 + 1);
  expect(await find("k1")).toMatchObject(unavailable);
});

test("a failed fetch starts a cooldown too", async () => {
  const { issuer, find, clock } = await startTest();
  issuer.fail("/team/.well-known/openid-configuration", 503);
  for (let index = 0; index < 20; index += 1) expect(await find("k1")).toMatchObject(unavailable);
  expect(issuer.requests.length).toBe(1);
  issuer.publishIssuer("/team", [first]);
  // Before the cooldown ends, the background retry succeeds.
  clock.advance(1000);
  await expect.poll(() => find("k1")).toBe("key");
});

test("a lookup while the issuer is down throws AUTH_UNAVAILABLE with a retry delay, and causes one warning", async () => {
  const { issuer, find, clock, keySets, lines } = await startTest();
  await issuer.close();
  keySets.start();
  const result = await find("k1");
  expect(result).toMatchObject(unavailable);
  expect(result).toMatchObject({ reason: expect.stringContaining("ECONNREFUSED") as string });
  expect((result as { retryAfterMs: number }).retryAfterMs).toBeGreaterThanOrEqual(1000);
  clock.advance(60_000);
  expect(lines.filter(({ level }) => level === "warn").length).toBe(1);
  expect(keySets.status()).toMatchObject([{ keys: 0, succeededAt: null }]);
});

test("without any keys, a fetch is retried at least every four seconds, no matter how long the issuer has been down", async () => {
  const { issuer, find, clock, keySets } = await startTest();
  issuer.fail("/team/.well-known/openid-configuration", 503);
  keySets.start();
  for (let attempt = 1; attempt <= 8; attempt += 1) {
    await expect.poll(() => issuer.requests.length, { interval: 2 }).toBe(attempt);
    // The retry delay is updated once the result of this attempt has been processed.
    await expect
      .poll(async () => ((await find("k1")) as { retryAfterMs: number }).retryAfterMs)
      .toBeLessThan(4001);
    clock.advance(4000);
  }
  issuer.publishIssuer("/team", [first]);
  clock.advance(4000);
  await expect.poll(() => find("k1")).toBe("key");
});

test("start does not wait for an issuer that never responds, and the first token waits no longer than the timeout", async () => {
  const { issuer, find, keySets } = await startTest({ timeoutMs: 200 });
  issuer.respond("/team/.well-known/openid-configuration", () => undefined);
  const startedAt = performance.now();
  keySets.start();
  expect(performance.now() - startedAt).toBeLessThan(200);
  expect(await find("k1")).toMatchObject({
    ...unavailable,
    reason: expect.stringContaining("no response within 200 ms") as string,
  });
  expect(performance.now() - startedAt).toBeLessThan(1500);
});

/** Responds to key set requests with a body that never ends. */
function respondEndlessly(issuer: TestIssuer, path = "/team/jwks"): void {
  issuer.respond(path, (_request, response) => {
    response.writeHead(200);
    const interval = setInterval(() => response.write(" "), 20);
    response.on("close", () => {
      clearInterval(interval);
    });
  });
}

test("a response that never ends is aborted", async () => {
  const { issuer, find } = await startTest({ timeoutMs: 300 });
  respondEndlessly(issuer);
  expect(await find("k1")).toMatchObject(unavailable);
});

/** Forces a garbage collection, which otherwise happens at an unpredictable time. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

test("garbage collection during a slow response does not block the next fetch", async () => {
  const { issuer, find, clock, keySets } = await startTest({ timeoutMs: 300 });
  expect(await find("k1")).toBe("key");
  respondEndlessly(issuer);
  clock.advance(11_000);
  const requests = issuer.requests.length;
  const found = find("k2");
  await expect.poll(() => issuer.requests.length, { interval: 5 }).toBeGreaterThan(requests);
  collectGarbage();
  expect(await found).toMatchObject(unavailable);
  publishKeys(issuer, [first, second]);
  await keySets.refresh();
  expect(await find("k2")).toBe("key");
}, 5_000);

test("connecting to an issuer that accepts no connection times out, and does not delay close", async () => {
  // A stopped process accepts no connections: once its backlog is full, further ones wait forever.
  const child = spawn(process.execPath, [
    "-e",
    "const s=require('node:net').createServer();s.listen({port:0,host:'127.0.0.1',backlog:1},()=>console.log(s.address().port))",
  ]);
  closers.push(() => Promise.resolve(child.kill("SIGKILL")));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  child.kill("SIGSTOP");
  const fillers = Array.from({ length: 6 }, () =>
    connect(Number(String(line)), "127.0.0.1").on("error", () => undefined),
  );
  closers.push(() => {
    for (const filler of fillers) filler.destroy();
    return Promise.resolve();
  });
  await expect.poll(() => fillers.filter((filler) => !filler.connecting).length).toBeGreaterThan(1);

  const address = `http://127.0.0.1:${String(line).trim()}/jwks`;
  const longTimeout = await startTest({ settings: { AUTH_JWKS_URL: address } });
  const shortTimeout = await startTest({ timeoutMs: 200, settings: { AUTH_JWKS_URL: address } });
  const startedAt = performance.now();
  expect(await shortTimeout.find("k1")).toMatchObject({
    ...unavailable,
    reason: expect.stringContaining("no response within 200 ms") as string,
  });
  longTimeout.keySets.start();
  await longTimeout.keySets.close();
  expect(performance.now() - startedAt).toBeLessThan(1500);
});

test("an empty key set is logged as a problem and throws AUTH_UNAVAILABLE", async () => {
  const { find, lines } = await startTest({ keys: [] });
  expect(await find("k1")).toMatchObject({
    ...unavailable,
    reason: expect.stringContaining("no usable key") as string,
  });
  expect(JSON.stringify(lines)).toContain("no usable key");
});

const responding =
  (body: unknown) =>
  (issuer: TestIssuer): void => {
    issuer.serve("/team/jwks", body);
  };
const failing =
  (status: number) =>
  (issuer: TestIssuer): void => {
    issuer.fail("/team/jwks", status);
  };
const redirecting = (issuer: TestIssuer): void => {
  issuer.publish("/elsewhere", [first]);
  issuer.respond("/team/jwks", (_request, response) => {
    response.writeHead(302, { location: "/elsewhere" }).end();
  });
};

const invalidKeySets: [string, (issuer: TestIssuer) => void, RegExp][] = [
  ["HTML", responding("<html>sign in</html>"), /not JSON/],
  ["a list", responding([]), /not a JSON object/],
  ["null", responding("null"), /not a JSON object/],
  ["an object without an array of keys", responding({ keys: { 0: first.jwk } }), /no array of keys/],
  [
    "a key set larger than 256 KiB",
    responding({ keys: [first.jwk], pad: "x".repeat(300_000) }),
    /larger than 262144 bytes/,
  ],
  [
    "a key set with more than 200 keys",
    responding({ keys: Array.from({ length: 201 }, (_, n) => ({ ...second.jwk, kid: `k${n}` })) }),
    /more than 200/,
  ],
  ["status 500", failing(500), /returned status 500/],
  ["status 304 to an unconditional request", failing(304), /returned status 304/],
  ["a redirect", redirecting, /returned status 302/],
];

test.each(invalidKeySets)(
  "the known keys stay valid and none are added when the issuer returns %s",
  async (_name, breakKeySet, reason) => {
    const { issuer, find, clock, keySets } = await startTest();
    expect(await find("k1")).toBe("key");
    breakKeySet(issuer);
    clock.advance(11_000);
    expect(await find("k2")).toMatchObject(unavailable);
    expect(await find("k1")).toBe("key");
    expect(keySets.status()[0]?.problem).toMatch(reason);
  },
);

const invalidDiscovery: [string, (iss: string) => object, RegExp][] = [
  ["another issuer", (iss) => ({ issuer: `${iss}/`, jwks_uri: `${iss}/jwks` }), /names the issuer/],
  ["no issuer", (iss) => ({ jwks_uri: `${iss}/jwks` }), /names the issuer null/],
  ["no URL of the keys", (iss) => ({ issuer: iss }), /no https URL/],
  [
    "keys over plain http",
    (iss) => ({ issuer: iss, jwks_uri: "http://idp.example.com/jwks" }),
    /no https URL/,
  ],
  ["keys in a file", (iss) => ({ issuer: iss, jwks_uri: "file:///etc/passwd" }), /no https URL/],
];

test.each(invalidDiscovery)("a discovery document with %s is not used", async (_name, document, reason) => {
  const { issuer, iss, find } = await startTest();
  issuer.serve("/team/.well-known/openid-configuration", document(iss));
  const result = await find("k1");
  expect(result).toMatchObject(unavailable);
  expect((result as { reason: string }).reason).toMatch(reason);
  expect(issuer.requests).toEqual(["/team/.well-known/openid-configuration"]);
});

test.each([
  ["AUTH_ISSUER", { AUTH_ISSUER: "http://127.0.0.1:1/team" }, "check AUTH_ISSUER, and that"],
  ["AUTH_JWKS_URL", { AUTH_JWKS_URL: "http://127.0.0.1:1/jwks" }, "set AUTH_JWKS_URL"],
])(
  "the fix names %s when it is the setting of a server that does not respond",
  async (_name, settings, advice) => {
    const { keySets } = await startTest({ settings });
    await keySets.refresh();
    expect(keySets.status()).toMatchObject([
      { problem: "the connection failed (ECONNREFUSED)", fix: expect.stringContaining(advice) as string },
    ]);
    expect(keySets.status()[0]?.fix).toContain("can fetch http://127.0.0.1:1/");
  },
);

test("the fix names the server of the keys when only that one does not respond", async () => {
  const { issuer, iss, keySets } = await startTest({ timeoutMs: 200 });
  const keysElsewhere = await startIssuer();
  closers.push(() => keysElsewhere.close());
  const jwksUrl = `${keysElsewhere.publishIssuer("/keys", [first])}/jwks`;
  issuer.serve("/team/.well-known/openid-configuration", { issuer: iss, jwks_uri: jwksUrl });
  respondEndlessly(keysElsewhere, "/keys/jwks");
  await keySets.refresh();
  expect(keySets.status()).toMatchObject([
    {
      problem: "no response within 200 ms",
      fix: `check that this machine can fetch ${jwksUrl}; to use another URL for the keys, set AUTH_JWKS_URL`,
    },
  ]);
});

test("a key that is no longer published is dropped by the next fetch, and a key that is still published stays the same object", async () => {
  const { issuer, iss, clock, find, keySets } = await startTest({ keys: [first, second] });
  const set = keySets.forIssuer(iss);
  const [one, two] = [await set?.find("k1", "ES256"), await set?.find("k2", "ES256")];
  if (set === undefined || one === undefined || two === undefined || !("key" in one && "key" in two)) {
    throw new Error("keys are missing");
  }
  publishKeys(issuer, [second]);
  clock.advance(11_000);
  expect(await find("k3")).toMatch(/no such key/);
  expect(await find("k1")).toMatch(/no such key/);
  expect(set.isCurrent(one.key)).toBe(false);
  expect(set.isCurrent(two.key)).toBe(true);
});

test("a key that replaces another one under the same kid is a different key", async () => {
  const { issuer, iss, clock, find, keySets } = await startTest();
  const old = await keySets.forIssuer(iss)?.find("k1", "ES256");
  publishKeys(issuer, [createTestKey("k1", "ES256")]);
  clock.advance(11_000);
  await find("unknown");
  const fresh = await keySets.forIssuer(iss)?.find("k1", "ES256");
  if (old === undefined || fresh === undefined || !("key" in old && "key" in fresh))
    throw new Error("no key");
  expect(fresh.key).not.toBe(old.key);
  expect(keySets.forIssuer(iss)?.isCurrent(old.key)).toBe(false);
});

test("a refresh on demand updates the status", async () => {
  const { issuer, keySets } = await startTest();
  await keySets.refresh();
  expect(keySets.status()).toMatchObject([{ keys: 1, problem: null }]);
  issuer.fail("/team/jwks");
  await keySets.refresh();
  expect(keySets.status()).toMatchObject([
    { keys: 1, problem: "the request for the key set returned status 500" },
  ]);
});

test("an unchanged key set (304) counts as fetched", async () => {
  const { issuer, find, clock, keySets } = await startTest();
  let conditional = 0;
  issuer.respond("/team/jwks", (request, response) => {
    if (request.headers["if-none-match"] === '"v1"') {
      conditional += 1;
      response.writeHead(304).end();
    } else response.writeHead(200, { etag: '"v1"' }).end(JSON.stringify({ keys: [first.jwk] }));
  });
  expect(await find("k1")).toBe("key");
  clock.advance(11_000);
  expect(await find("unknown")).toMatch(/no such key/);
  expect(conditional).toBe(1);
  expect(keySets.status()[0]).toMatchObject({ keys: 1, problem: null, succeededAt: clock.now() });
});

test("keys that must not verify tokens are left out, each with a reason", async () => {
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
  const rsa = createTestKey("rsa", "RS256");
  const { issuer, find, keySets } = await startTest();
  const plain = { ...first.jwk, alg: undefined, use: undefined };
  issuer.serve("/team/jwks", {
    keys: [
      { ...weak, kid: "weak" },
      { kty: "oct", k: "c2VjcmV0", kid: "secret", alg: "HS256" },
      { ...first.jwk, kid: "encryption", use: "enc" },
      { ...first.jwk, kid: "signer", key_ops: ["sign"] },
      { ...first.privateKey.export({ format: "jwk" }), kid: "private" },
      { ...plain, kid: "other-curve", crv: "P-384" },
      { ...plain, kid: "broken", x: "AAAA" },
      { ...rsa.jwk, kid: "one", e: "AQ" },
      { ...plain, kid: "no-alg" },
      { ...plain, kid: "verifier", key_ops: ["verify"], x5c: ["nonsense"], x5u: "https://evil.example" },
      { ...plain, kid: 5 },
      null,
      "key",
      [first.jwk],
      rsa.jwk,
    ],
  });
  const found = async (kid: string | undefined, algorithm = "ES256") => [kid, await find(kid, algorithm)];
  expect(await found("weak", "RS256")).toEqual(["weak", expect.stringMatching(/2048/)]);
  expect(await found("secret", "HS256")).toEqual(["secret", expect.stringMatching(/symmetric/)]);
  expect(await found("encryption")).toEqual(["encryption", expect.stringMatching(/not for signatures/)]);
  expect(await found("signer")).toEqual(["signer", expect.stringMatching(/key_ops/)]);
  expect(await found("private")).toEqual(["private", expect.stringMatching(/private part/)]);
  expect(await found("other-curve")).toEqual(["other-curve", expect.stringMatching(/matches none/)]);
  expect(await found("broken")).toEqual(["broken", expect.stringMatching(/cannot be imported/)]);
  expect(await found("one", "RS256")).toEqual(["one", expect.stringMatching(/2048|weak/)]);
  expect(await found("no-alg")).toEqual(["no-alg", "key"]);
  expect(await found("verifier")).toEqual(["verifier", "key"]);
  expect(await found("rsa", "RS256")).toEqual(["rsa", "key"]);
  // A key with alg RS256 cannot be used with another algorithm of the same key type.
  expect(await found("rsa", "PS256")).toEqual(["rsa", expect.stringMatching(/cannot be used with/)]);
  expect(keySets.status()[0]?.problem).toBeNull();
});

describe("without a kid", () => {
  const withoutKid = (key: TestKey): TestKey => ({ ...key, jwk: { ...key.jwk, kid: undefined } });
  const rsa = createTestKey("rsa", "RS256");

  test("in the token, the only key for the algorithm is found", async () => {
    const { find } = await startTest({ keys: [first, rsa] });
    expect([await find(undefined), await find(undefined, "RS256")]).toEqual(["key", "key"]);
    expect(await find(undefined, "PS256")).toMatch(/no such key/);
  });

  test("in the key set, the only key for the algorithm is found under any kid", async () => {
    const { find } = await startTest({ keys: [withoutKid(first), rsa] });
    expect([await find(undefined), await find("k1"), await find("other")]).toEqual(["key", "key", "key"]);
  });

  test("no key is guessed among several", async () => {
    const { find } = await startTest({ keys: [withoutKid(first), second] });
    expect(await find(undefined)).toMatch(/does not name a key \(kid\), and the issuer has 2 keys for ES256/);
    expect(await find("k1")).toMatch(/no such key/);
    expect(await find("k2")).toBe("key");
  });

  test("no key with another kid is found", async () => {
    const { find } = await startTest({ keys: [first] });
    expect(await find("other")).toMatch(/no such key/);
  });

  test("a key that is published under two names is one key", async () => {
    const { find } = await startTest({ keys: [first, { ...first, jwk: { ...first.jwk, kid: "alias" } }] });
    expect(await find(undefined)).toBe("key");
  });

  test("a key is fetched when the known ones do not fit, at most once in ten seconds", async () => {
    const { issuer, find, clock } = await startTest({ keys: [rsa] });
    expect(await find(undefined)).toMatch(/no such key/);
    publishKeys(issuer, [withoutKid(second)]);
    expect(await find(undefined)).toMatch(/no such key/);
    clock.advance(10_001);
    expect(await find(undefined)).toBe("key");
  });
});

test.each([
  ["EdDSA", "EdDSA"],
  ["EdDSA", "Ed25519"],
  ["Ed25519", "EdDSA"],
  ["Ed25519", "Ed25519"],
  [undefined, "Ed25519"],
])("a key with alg %s verifies tokens with alg %s", async (keyAlgorithm, tokenAlgorithm) => {
  const key = createTestKey("ed", "EdDSA");
  for (const setting of ["EdDSA", "Ed25519", "RS256,EdDSA,Ed25519"]) {
    const { issuer, iss, keySets, clock } = await startTest();
    issuer.serve("/team/jwks", { keys: [{ ...key.jwk, alg: keyAlgorithm }] });
    const policy = readPolicy({ AUTH_ISSUER: iss, AUTH_AUDIENCE: "api", AUTH_ALGORITHMS: setting });
    await keySets.close();
    const ownKeySets = createKeySets({ policy, log: silentLog, ...clock });
    closers.push(() => ownKeySets.close());
    const authentication = createAuthentication(policy, ownKeySets);
    const token = signToken(
      { alg: tokenAlgorithm, kid: "ed", typ: "at+jwt" },
      { iss, aud: "api", sub: "u-1", client_id: "app", jti: "1", iat: now - 10, exp: now + 60 },
      "EdDSA",
      key.privateKey,
    );
    await expect(authentication.authenticate(bearer(token))).resolves.toEqual({ appUserId: "u-1" });
    // The algorithm of the same key type with another curve is not accepted under the new name.
    const forged = signToken({ alg: "Ed448", kid: "ed", typ: "at+jwt" }, {}, "EdDSA", key.privateKey);
    await expect(authentication.authenticate(bearer(forged))).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
    });
  }
});

test("a key set of unsupported keys says what they lack", async () => {
  const { issuer, find, keySets } = await startTest();
  const rsa = createTestKey("rsa", "RS256");
  issuer.serve("/team/jwks", {
    keys: [
      { kty: "RSA", use: "sig", alg: "RS256", kid: "certificate", x5c: ["MIIB"] },
      { ...rsa.jwk, kid: "half", n: undefined },
      { kty: "OKP", crv: "Ed448", x: "AAAA", kid: "ed448" },
      { kty: "EC", crv: "secp256k1", x: "AAAA", y: "AAAA" },
    ],
  });
  expect(await find("certificate", "RS256")).toBe(
    "the key has no n and no e; a key that is only a certificate (x5c) is not supported",
  );
  expect(await find("half", "RS256")).toBe("the key has no n");
  expect(await find("ed448")).toBe("the key uses the curve Ed448, which is not supported");
  expect(keySets.status()[0]?.problem).toMatch(/a key without kid uses the curve secp256k1/);
});

test("a key of one issuer is not found in the key set of another", async () => {
  const issuer = await startIssuer();
  closers.push(() => issuer.close());
  const [one, two] = [issuer.publishIssuer("/one", [first]), issuer.publishIssuer("/two", [second])];
  const policy = readPolicy({ AUTH_ISSUER: `${one},${two}`, AUTH_AUDIENCE: "api" });
  const keySets = createKeySets({ policy, log: silentLog, ...createManualClock() });
  closers.push(() => keySets.close());
  expect(await finderOf(keySets, one)("k1")).toBe("key");
  expect(await finderOf(keySets, two)("k1")).toMatch(/no such key/);
});

test("a scheduled function runs, and a cancelled one does not", async () => {
  const runs: string[] = [];
  scheduleTimer(1, () => runs.push("cancelled"))();
  // Scheduled timers do not keep the process alive, so this one does.
  const alive = setTimeout(() => undefined, 5000);
  await new Promise<void>((resolve) => {
    scheduleTimer(10, resolve);
  });
  clearTimeout(alive);
  expect(runs).toEqual([]);
});
