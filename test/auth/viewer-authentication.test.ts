import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { BearerError } from "../../src/auth/bearer-error.js";
import { ServiceError } from "../../src/core/errors.js";
import type { RequestHeaders } from "../../src/auth/bearer-token.js";
import { toChallengeHeader } from "../../src/auth/challenge.js";
import { createKeySets } from "../../src/auth/keys/key-sets.js";
import { createViewerAuthentication } from "../../src/auth/viewer-authentication.js";
import { startIssuer } from "../support/auth/test-issuer.js";
import { createManualClock } from "../support/manual-clock.js";
import { now } from "../support/auth/provider-cases.js";
import { bearer, readPolicy } from "../support/auth/test-authentication.js";
import { createRecordingLog } from "../support/recording-log.js";
import { createTestKey, signToken } from "../support/auth/tokens.js";

const key = createTestKey("k1", "ES256");
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startTest(options: { settings?: Record<string, string> } = {}) {
  const issuer = await startIssuer();
  closers.push(() => issuer.close());
  const iss = issuer.publishIssuer("/team", [key]);
  const policy = readPolicy({ AUTH_ISSUER: iss, AUTH_AUDIENCE: "api", ...options.settings });
  const clock = createManualClock();
  const { log, lines } = createRecordingLog();
  const authentication = createViewerAuthentication({
    policy,
    keySets: createKeySets({ policy, log, ...clock }),
    now: clock.now,
    log,
  });
  closers.push(() => authentication.close());
  const token = (claims: object = {}, header: object = {}) =>
    signToken(
      { alg: "ES256", kid: "k1", typ: "at+jwt", ...header },
      {
        iss,
        aud: "api",
        sub: "user-1",
        client_id: "app",
        jti: "1",
        iat: now - 10,
        exp: now + 3600,
        ...claims,
      },
      "ES256",
      key.privateKey,
    );
  const rejection = async (headers: RequestHeaders): Promise<ServiceError> => {
    const thrown: unknown = await authentication.authenticate(headers).catch((error: unknown) => error);
    if (!(thrown instanceof ServiceError)) throw new Error(`not rejected: ${JSON.stringify(thrown)}`);
    return thrown;
  };
  return { issuer, iss, clock, authentication, token, rejection, lines };
}

describe("the Authorization header", () => {
  test("is read regardless of case and from both header formats", async () => {
    const { authentication, token } = await startTest();
    const allHeaders: RequestHeaders[] = [
      ["AUTHORIZATION", `bearer ${token()}`],
      ["x", "y", "authorization", `BEARER   ${token()}`],
      { authorization: `Bearer ${token()}` },
      { authorization: [`Bearer ${token()}`] },
    ];
    for (const headers of allHeaders) {
      await expect(authentication.authenticate(headers)).resolves.toEqual({ appUserId: "user-1" });
    }
  });

  test("causes a challenge without an error code when it is missing", async () => {
    const { rejection } = await startTest();
    for (const headers of [[], ["X-Authorization", "Bearer x"], {}, { authorization: undefined }]) {
      const error = await rejection(headers);
      expect([error.code, toChallengeHeader(error)]).toEqual(["UNAUTHENTICATED", "Bearer"]);
    }
  });

  test.each([
    ["two headers", (token: string) => [...bearer(token), ...bearer(token)], /more than one/],
    [
      "two values",
      (token: string) => ({ authorization: [`Bearer ${token}`, `Bearer ${token}`] }),
      /more than one/,
    ],
    [
      "two tokens in one header",
      (token: string) => ["Authorization", `Bearer ${token}, Bearer ${token}`],
      /not a JWT/,
    ],
    ["no scheme", (token: string) => ["Authorization", token], /does not use the Bearer scheme/],
    ["no token", () => ["Authorization", "Bearer"], /the bearer token is empty/],
    ["a scheme with an empty token", () => ["Authorization", "Bearer "], /the bearer token is empty/],
    ["an empty value", () => ["Authorization", ""], /the bearer token is empty/],
    [
      "a value in quotation marks",
      (token: string) => ["Authorization", `"Bearer ${token}"`],
      /in quotation marks/,
    ],
    ["a tab", (token: string) => ["Authorization", `Bearer\t${token}`], /does not use the Bearer scheme/],
    ["a long scheme", () => ["Authorization", "x".repeat(9000)], /does not use the Bearer scheme/],
  ])("is rejected: %s", async (_name, headers, reason) => {
    const { rejection, token } = await startTest();
    const error = await rejection(headers(token()));
    expect(error).toMatchObject({ code: "UNAUTHENTICATED", bearerError: "invalid_token" });
    expect(error.reason).toMatch(reason);
    expect(error.reason).not.toContain(token());
  });

  test.each([
    ["Basic", () => ["Authorization", "Basic dTpw"], /does not use the Bearer scheme/],
    ["DPoP", (token: string) => ["Authorization", `DPoP ${token}`], /bound tokens/],
  ])(
    "causes a challenge without an error code when it uses another scheme: %s",
    async (_name, headers, reason) => {
      const { rejection, token } = await startTest();
      const error = await rejection(headers(token()));
      expect([error.code, toChallengeHeader(error)]).toEqual(["UNAUTHENTICATED", "Bearer"]);
      expect(error.reason).toMatch(reason);
      expect(error.reason).not.toContain(token());
    },
  );

  test("is rejected when it is sent twice over a real connection, which the parsed headers of Node.js would hide", async () => {
    const { authentication, token } = await startTest();
    const outcome = new Promise<string>((resolve) => {
      const server = createServer((request, response) => {
        response.end();
        authentication.authenticate(request.rawHeaders).then(
          () => {
            resolve("accepted");
          },
          (error: unknown) => {
            resolve(error instanceof ServiceError ? (error.reason ?? "") : "another error");
          },
        );
      });
      closers.push(() => new Promise((closed) => server.close(closed)));
      server.listen(0, "127.0.0.1", () => {
        const line = `Authorization: Bearer ${token()}\r\n`;
        const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
        socket.end(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${line}${line}\r\n`);
        socket.resume();
      });
    });
    expect(await outcome).toMatch(/more than one/);
  });
});

describe("an app that has no token", () => {
  const sent = [
    ...["undefined", "null", "(null)", "nil", "None", "NaN", "true", "false", "{}", "[]", '""', "''"],
    ...["[object Object]", "[object Promise]", '"undefined"', "'null'", "Undefined"],
    ...["{{token}}", "${token}", "<token>", "<access token>", "{token}", "%TOKEN%", "$TOKEN", ":token"],
  ];

  test.each(sent)(
    "gets the same 401 as for any invalid token, and the log says what it sent: %s",
    async (text) => {
      for (const headers of [bearer(text), ["Authorization", text]]) {
        const { rejection, lines } = await startTest();
        const error = await rejection(headers);
        expect([error.code, toChallengeHeader(error)]).toEqual([
          "UNAUTHENTICATED",
          'Bearer error="invalid_token"',
        ]);
        expect(error.reason).toMatch(/^(the app sent .* instead of a token|the bearer token is empty); /);
        expect(lines).toMatchObject([
          {
            level: "warn",
            phrase: "an app sends a text that is not a token",
            fields: { reason: error.reason },
          },
        ]);
      }
    },
  );

  test.each(sent)("is explained to an operator: %s", async (text) => {
    const { authentication } = await startTest();
    expect(await authentication.explain(text)).toEqual([
      {
        check: "format",
        ok: false,
        detail: expect.stringMatching(/instead of a token$|^the bearer token is empty$/) as string,
        fix: expect.stringMatching(/token/) as string,
      },
    ]);
  });

  test("causes one warning in half a minute, however often it sends that", async () => {
    const { rejection, clock, lines } = await startTest();
    for (let index = 0; index < 50; index += 1) await rejection(bearer("undefined"));
    expect(lines.length).toBe(1);
    clock.advance(30_000);
    await rejection(bearer("null"));
    expect(lines.length).toBe(2);
  });

  test("is told from one that wraps its token, which no log line shows", async () => {
    const { rejection, token, lines } = await startTest();
    const valid = token();
    const cases: [string, RegExp][] = [
      [`Bearer ${valid}`, /^the header contains the word Bearer twice/],
      [`"${valid}"`, /^the token is in quotation marks/],
      [`Optional("${valid}")`, /^the token is inside Optional/],
    ];
    for (const [text, reason] of cases) expect((await rejection(bearer(text))).reason).toMatch(reason);
    expect(JSON.stringify(lines)).not.toContain(valid.slice(0, 20));
  });
});

describe("the challenge", () => {
  test("says that a token has expired, and gives no other reason", async () => {
    const { rejection, token } = await startTest();
    const expired = await rejection(bearer(token({ exp: now - 100 })));
    expect(toChallengeHeader(expired)).toBe(
      'Bearer error="invalid_token", error_description="The access token has expired."',
    );
    const foreign = await rejection(bearer(token({ aud: "other" })));
    expect(toChallengeHeader(foreign)).toBe('Bearer error="invalid_token"');
    expect(foreign.reason).toMatch(/the audience \(aud\) is "other", but must be "api"/);
  });

  test("does not say that a token has expired when its signature is invalid", async () => {
    const { rejection, token } = await startTest();
    const attackerKey = createTestKey("k1", "ES256");
    const [head, payload] = token({ exp: now - 100 }).split(".");
    const forged = signToken({}, {}, "ES256", attackerKey.privateKey).split(".")[2];
    expect(toChallengeHeader(await rejection(bearer(`${head}.${payload}.${forged}`)))).toBe(
      'Bearer error="invalid_token"',
    );
  });

  test("names the required scope when a token lacks it", async () => {
    const { rejection, authentication, token } = await startTest({
      settings: { AUTH_REQUIRED_SCOPE: "vital" },
    });
    const error = await rejection(bearer(token({ scope: "openid vitals" })));
    expect(error.code).toBe("FORBIDDEN");
    expect(toChallengeHeader(error)).toBe('Bearer error="insufficient_scope", scope="vital"');
    // An expired token is rejected as such before its scope is checked.
    expect((await rejection(bearer(token({ exp: now - 100 })))).code).toBe("UNAUTHENTICATED");
    await expect(
      authentication.authenticate(bearer(token({ scope: "openid vital" }))),
    ).resolves.toBeDefined();
  });

  test("links to the resource metadata and escapes its values", () => {
    const error = new BearerError("UNAUTHENTICATED", {
      bearerError: "invalid_token",
      message: 'a"b\\c\r\nX: y',
    });
    expect(toChallengeHeader(error, { resourceMetadataUrl: "https://api.example.com/.well-known/x" })).toBe(
      'Bearer error="invalid_token", error_description="a\\"b\\\\cX: y", resource_metadata="https://api.example.com/.well-known/x"',
    );
    expect(toChallengeHeader(new ServiceError("UNAUTHENTICATED", { message: "anything" }))).toBe("Bearer");
    expect(
      toChallengeHeader(new ServiceError("UNAUTHENTICATED"), { resourceMetadataUrl: "https://a/b" }),
    ).toBe('Bearer resource_metadata="https://a/b"');
  });
});

describe("a verified token", () => {
  test("is accepted from the cache until it expires", async () => {
    const { authentication, token, clock, rejection } = await startTest();
    const headers = bearer(token({ exp: now + 20 }));
    await authentication.authenticate(headers);
    clock.advance(20_000 + 29_000);
    await expect(authentication.authenticate(headers)).resolves.toEqual({ appUserId: "user-1" });
    clock.advance(1000);
    expect((await rejection(headers)).reason).toMatch(/^the token expired/);
  });

  test("is dropped as soon as its key is no longer published", async () => {
    const { authentication, token, clock, issuer, rejection } = await startTest();
    const headers = bearer(token());
    await authentication.authenticate(headers);
    issuer.publish("/team/jwks", [createTestKey("k2", "ES256")]);
    clock.advance(11_000);
    await rejection(bearer(token({}, { kid: "k3" })));
    expect((await rejection(headers)).reason).toMatch(/no such key/);
  });

  test("is cached by all of its bytes, so another signature for the same claims is verified", async () => {
    const { authentication, token, rejection } = await startTest();
    const valid = token();
    await authentication.authenticate(bearer(valid));
    const flipped = valid.slice(0, -4) + (valid.endsWith("AAAA") ? "BBBB" : "AAAA");
    expect((await rejection(bearer(flipped))).reason).toMatch(/signature/);
  });
});

test("an outage of the issuer causes AUTH_UNAVAILABLE, not UNAUTHENTICATED", async () => {
  const { issuer, rejection, token } = await startTest();
  issuer.fail("/team/.well-known/openid-configuration");
  const error = await rejection(bearer(token()));
  expect(error.code).toBe("AUTH_UNAVAILABLE");
  expect(error).not.toBeInstanceOf(BearerError);
  expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(1);
});

test("start logs which tokens are accepted and which settings are risky", async () => {
  const { authentication, lines, iss } = await startTest({ settings: { AUTH_USER_ID_CLAIM: "email" } });
  authentication.start();
  expect(lines[0]).toMatchObject({
    level: "info",
    phrase: "access tokens accepted",
    fields: { policy: expect.stringContaining(iss) as string },
  });
  expect(lines[1]).toMatchObject({
    level: "warn",
    phrase: "risky access token setting",
    fields: { warning: expect.stringContaining("email") as string },
  });
});

describe("the explanation of a token", () => {
  test("passes every check for a valid token", async () => {
    const { authentication, token } = await startTest();
    const checks = await authentication.explain(token());
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(checks.map(({ check }) => check)).toEqual([
      "format",
      "algorithm",
      "token type",
      "extensions",
      "key id",
      "issuer",
      "signature",
      "expiry",
      "not before",
      "lifetime",
      "audience",
      "client",
      "actor",
      "binding",
      "not an ID token",
      "client_id",
      "iat",
      "jti",
      "sub",
      "user id",
      "not a machine",
      "user id of one user",
      "user id format",
      "scope",
    ]);
  });

  test("names every problem of an invalid token with a suggested fix, and shows neither the token nor personal data", async () => {
    const { authentication, token, iss } = await startTest();
    const invalid = token(
      {
        iss: `${iss}/`,
        aud: "other",
        sub: "",
        email: "ann@example.com",
        nonce: "n-0S6_WzA2Mj",
        exp: now - 50,
      },
      { typ: "JWT" },
    );
    const checks = await authentication.explain(invalid);
    const failed = Object.fromEntries(checks.filter(({ ok }) => !ok).map((check) => [check.check, check]));
    expect(Object.keys(failed)).toEqual([
      "token type",
      "issuer",
      "signature",
      "expiry",
      "audience",
      "not an ID token",
      "sub",
      "user id",
    ]);
    expect(failed.issuer?.detail).toBe(
      `the issuer (iss) is ${JSON.stringify(`${iss}/`)}, but must be ${JSON.stringify(iss)}`,
    );
    expect(failed.issuer?.fix).toContain("AUTH_ISSUER");
    expect(failed.audience?.fix).toBe("send the access token instead of the ID token");
    const text = JSON.stringify(checks);
    for (const secret of [invalid, "ann@example.com", "n-0S6_WzA2Mj"]) expect(text).not.toContain(secret);
  });

  test("suggests how to get another token when it is encrypted or opaque", async () => {
    const { authentication } = await startTest();
    expect(await authentication.explain("a.b.c.d.e")).toMatchObject([{ check: "format", ok: false }]);
    expect((await authentication.explain("ory_at_x"))[0]?.fix).toMatch(/audience/);
  });

  test("reports that the issuer is unavailable", async () => {
    const { authentication, issuer, token } = await startTest();
    issuer.fail("/team/.well-known/openid-configuration");
    const signature = (await authentication.explain(token())).find(({ check }) => check === "signature");
    expect(signature).toMatchObject({ ok: false });
    expect(signature?.detail).toMatch(/discovery document returned status 500/);
    expect(signature?.fix).toMatch(/^check AUTH_ISSUER, whose discovery document must be at http/);
  });

  test("reports a forged signature", async () => {
    const { authentication, token } = await startTest();
    const [head, payload] = token().split(".");
    const forged = signToken({}, {}, "ES256", key.privateKey).split(".")[2];
    const checks = await authentication.explain(`${head}.${payload}.${forged}`);
    expect(checks.filter(({ ok }) => !ok).map(({ check }) => check)).toEqual(["signature"]);
  });
});

describe("a suspect caller", () => {
  /** Counts the lookups of keys, each of which precedes a signature check. */
  async function startCounted(settings: Record<string, string> = {}) {
    const { iss, clock, token } = await startTest({ settings });
    const policy = readPolicy({ AUTH_ISSUER: iss, AUTH_AUDIENCE: "api", ...settings });
    const { log } = createRecordingLog();
    const keySets = createKeySets({ policy, log, ...clock });
    let lookups = 0;
    const forIssuer: typeof keySets.forIssuer = (issuer) => {
      lookups += 1;
      return keySets.forIssuer(issuer);
    };
    const authentication = createViewerAuthentication({
      policy,
      keySets: { ...keySets, forIssuer },
      now: clock.now,
      log,
    });
    closers.push(() => authentication.close());
    const codeOf = (compact: string, isSuspect: boolean) =>
      authentication.authenticate(bearer(compact), { isSuspect }).then(
        () => "accepted",
        (error: unknown) => (error instanceof ServiceError ? error.code : String(error)),
      );
    return { token, codeOf, lookups: () => lookups };
  }

  test("pays no signature check for a token that is invalid without it", async () => {
    const { token, codeOf, lookups } = await startCounted();
    const invalid = [
      ...["guess", "a.b.c", `${token()}.more`, token({}, { alg: "none" }), token({}, { typ: "JWT" })],
      ...[token({}, { kid: 5 }), token({ iss: "https://other.example" }), token({ aud: "other" })],
      ...[token({ exp: now - 3600 }), token({ nbf: now + 3600 }), token({ sub: "" }), token({ act: {} })],
    ];
    for (const compact of invalid) expect(await codeOf(compact, true)).toBe("UNAUTHENTICATED");
    expect(lookups()).toBe(0);
  });

  test("gets the same result as any other caller", async () => {
    const { token, codeOf } = await startCounted({ AUTH_REQUIRED_SCOPE: "vital" });
    const signature = "A".repeat(86);
    const results: [string, string][] = [
      [token({ scope: "vital" }), "accepted"],
      [token({ scope: "other" }), "FORBIDDEN"],
      [token({ scope: "vital" }).replace(/[^.]+$/, signature), "UNAUTHENTICATED"],
      [token({ scope: "other" }).replace(/[^.]+$/, signature), "UNAUTHENTICATED"],
      [token({ scope: "vital" }, { kid: "unknown" }), "UNAUTHENTICATED"],
      [token({ scope: "vital", exp: now - 3600 }), "UNAUTHENTICATED"],
    ];
    for (const [compact, expected] of results) {
      expect([await codeOf(compact, false), await codeOf(compact, true)]).toEqual([expected, expected]);
    }
  });
});
