import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { BearerError } from "../../../src/auth/bearer-error.js";
import { ServiceError } from "../../../src/core/errors.js";
import type { ActiveMapping } from "../../../src/core/mapping/mapping.js";
import {
  codeOf,
  issuedToken,
  startServer,
  tokenMutation,
  viewerId,
  type GraphqlBody,
} from "../../support/http/test-server.js";

const graphqlType = "application/graphql-response+json";

describe("an authenticated viewer", () => {
  test("gets a sign-in token that must not be cached", async () => {
    const { query } = await startServer();
    const { status, headers, body } = await query(tokenMutation);
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toEqual({
      data: {
        vitalSignInToken: {
          userId: issuedToken.vitalUserId,
          signInToken: issuedToken.signInToken,
          environment: "SANDBOX",
          region: "US",
        },
      },
    });
  });

  test("gets its own mapping", async () => {
    const activatedAt = new Date("2026-11-22T10:00:00Z");
    const mapping = {
      appUserId: viewerId,
      state: "active",
      vitalUserId: issuedToken.vitalUserId,
      environment: "production",
      region: "eu",
      activatedAt,
    } as ActiveMapping;
    const { query } = await startServer({ find: (id) => Promise.resolve(id === viewerId ? mapping : null) });
    const { body } = await query("{ viewer { id vitalUser { id state environment region activatedAt } } }");
    expect(body.data?.viewer).toEqual({
      id: "user_1",
      vitalUser: {
        id: issuedToken.vitalUserId,
        state: "ACTIVE",
        environment: "PRODUCTION",
        region: "EU",
        activatedAt: "2026-11-22T10:00:00.000Z",
      },
    });
  });

  test("gets the response in the media type that it accepts", async () => {
    const { post } = await startServer();
    const typeFor = async (accept: string) =>
      (await post({ query: "{ __typename }" }, { accept })).headers.get("content-type");
    expect(await typeFor(graphqlType)).toBe(`${graphqlType}; charset=utf-8`);
    expect(await typeFor(`${graphqlType}, application/json;q=0.9`)).toBe(`${graphqlType}; charset=utf-8`);
    expect(await typeFor(`application/json, ${graphqlType}`)).toBe("application/json; charset=utf-8");
    expect(await typeFor("*/*")).toBe("application/json; charset=utf-8");
  });

  test("is rejected before anything runs when it accepts no supported media type", async () => {
    const { post, calls } = await startServer();
    const response = await post({ query: tokenMutation }, { accept: "text/csv" });
    expect(response.status).toBe(406);
    expect(codeOf((await response.json()) as GraphqlBody)).toBe("BAD_REQUEST");
    expect(calls.issued).toBe(0);
  });
});

describe("errors thrown during execution", () => {
  test("an error of a service has status 200, data null, its code and the time to wait", async () => {
    const issue = () => Promise.reject(new ServiceError("VITAL_UNAVAILABLE", { retryAfterMs: 1_500 }));
    const { query } = await startServer({ issue });
    const { status, body } = await query(tokenMutation, { "x-request-id": "req-7", accept: graphqlType });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      data: null,
      errors: [
        {
          message: "Vital is not responding.",
          path: ["vitalSignInToken"],
          extensions: {
            code: "VITAL_UNAVAILABLE",
            retryable: true,
            requestId: "req-7",
            retryAfterSeconds: 2,
          },
        },
      ],
    });
  });

  test("an error that waiting does not resolve has no retryAfterSeconds", async () => {
    const issue = () => Promise.reject(new ServiceError("PROVISIONING_FAILED"));
    const { query } = await startServer({ issue });
    const { body } = await query(tokenMutation);
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: "PROVISIONING_FAILED", retryable: false });
    expect(body.errors?.[0]?.extensions).not.toHaveProperty("retryAfterSeconds");
  });

  test("a bug is shown only as an id, and logged in full under that id", async () => {
    const bug = new Error("password is hunter2");
    const { query, lines } = await startServer({ issue: () => Promise.reject(bug) });
    const { status, body } = await query(tokenMutation, { "x-request-id": "req-8" });
    const error = body.errors?.[0];
    expect(status).toBe(200);
    expect(error?.message).toBe("Internal server error.");
    expect(Object.keys(error?.extensions ?? {}).sort()).toEqual([
      "code",
      "errorId",
      "requestId",
      "retryable",
    ]);
    expect(JSON.stringify(body)).not.toMatch(/hunter2|stack/);
    const line = lines.find(({ level }) => level === "error");
    expect(line?.fields).toMatchObject({ requestId: "req-8", err: bug });
    expect(line?.fields.errorId).toBe(error?.extensions.errorId);
  });

  test("an operation that exceeds the deadline reports Vital as unavailable", async () => {
    const never = new Promise<never>(() => undefined);
    const { query } = await startServer({ issue: () => never, graphql: { deadlineMs: 20 } });
    const { status, body } = await query(tokenMutation);
    expect(status).toBe(200);
    expect(body.data).toBeNull();
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: "VITAL_UNAVAILABLE", retryable: true });
  });
});

describe("requests that are not authenticated", () => {
  const rejectWith = (error: Error) => ({ graphql: { authenticate: () => Promise.reject(error) } });

  test.each(["application/json", graphqlType])("get 401 with a challenge, in %s", async (accept) => {
    const { post, calls } = await startServer();
    const response = await post({ query: tokenMutation }, { authorization: "Bearer bad", accept });
    const body = (await response.json()) as GraphqlBody;
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
    expect(response.headers.get("content-type")).toBe(`${accept}; charset=utf-8`);
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: "UNAUTHENTICATED", retryable: false });
    expect(body.errors?.[0]?.extensions.requestId).toBe(response.headers.get("x-request-id"));
    expect(calls.issued).toBe(0);
  });

  test("get 403 with a challenge when the token lacks the scope", async () => {
    const error = new BearerError("FORBIDDEN", { bearerError: "insufficient_scope" });
    const { post } = await startServer(rejectWith(error));
    const response = await post({ query: tokenMutation });
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope"');
    expect(codeOf((await response.json()) as GraphqlBody)).toBe("FORBIDDEN");
  });

  test("get 503 with Retry-After when tokens cannot be verified", async () => {
    const { post } = await startServer(rejectWith(new ServiceError("AUTH_UNAVAILABLE")));
    const response = await post({ query: tokenMutation });
    const body = (await response.json()) as GraphqlBody;
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(response.headers.get("www-authenticate")).toBeNull();
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: "AUTH_UNAVAILABLE", retryable: true });
  });

  test("get 500 without internals when authentication throws", async () => {
    const { post } = await startServer(rejectWith(new Error("secret path")));
    const response = await post({ query: tokenMutation });
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).toContain("INTERNAL_SERVER_ERROR");
    expect(text).not.toContain("secret path");
  });

  test("wait for authentication no longer than the deadline", async () => {
    const authenticate = () => new Promise<never>(() => undefined);
    const { post } = await startServer({ graphql: { authenticate, deadlineMs: 30 } });
    const response = await post({ query: tokenMutation });
    expect(response.status).toBe(503);
    expect(codeOf((await response.json()) as GraphqlBody)).toBe("AUTH_UNAVAILABLE");
  });

  test("are authenticated once, however many fields they select", async () => {
    let times = 0;
    const authenticate = () => {
      times += 1;
      return Promise.resolve({ appUserId: viewerId });
    };
    const { query } = await startServer({ graphql: { authenticate } });
    await query("{ a: viewer { id } b: viewer { id } viewer { id vitalUser { id } } }");
    expect(times).toBe(1);
  });
});

describe("requests that are rejected before they run", () => {
  test.each([
    ["invalid JSON", "{", 400, "BAD_REQUEST"],
    ["an empty body", "", 400, "BAD_REQUEST"],
    ["a batch", JSON.stringify([{ query: "{ __typename }" }]), 400, "BAD_REQUEST"],
    ["null", "null", 400, "BAD_REQUEST"],
    ["no query", "{}", 400, "BAD_REQUEST"],
    ["a query that is not a string", `{"query":7}`, 400, "BAD_REQUEST"],
    ["a poisoned prototype", `{"query":"{ __typename }","__proto__":{"a":1}}`, 400, "BAD_REQUEST"],
    ["a document that does not parse", `{"query":"{"}`, 400, "GRAPHQL_PARSE_FAILED"],
    ["an unknown field", `{"query":"{ viewr { id } }"}`, 400, "GRAPHQL_VALIDATION_FAILED"],
    [
      "an operation that does not exist",
      `{"query":"query A { __typename }","operationName":"B"}`,
      400,
      "OPERATION_RESOLUTION_FAILURE",
    ],
    [
      "invalid variables",
      `{"query":"query A($a: Int!) { __typename @skip(if: true) viewer { id @include(if: true) } }","variables":{"a":"x"}}`,
      400,
      "GRAPHQL_VALIDATION_FAILED",
    ],
    [
      "a missing variable",
      `{"query":"query A($a: Boolean!) { viewer { id @include(if: $a) } }"}`,
      400,
      "BAD_USER_INPUT",
    ],
    ["a query that is null", `{"query":null}`, 400, "BAD_REQUEST"],
    ["an empty query", `{"query":"","extensions":null}`, 400, "BAD_REQUEST"],
    ["the id of a persisted document", `{"id":"x","variables":{}}`, 400, "BAD_REQUEST"],
    ["a documentId", `{"documentId":"sha256:x"}`, 400, "PERSISTED_QUERY_NOT_SUPPORTED"],
    [
      "a persisted query",
      `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}`,
      200,
      "PERSISTED_QUERY_NOT_SUPPORTED",
    ],
  ])("%s has a code and the request id", async (_name, body, status, code) => {
    const { post, calls } = await startServer();
    const response = await post(body, { accept: graphqlType });
    const result = (await response.json()) as GraphqlBody;
    expect(response.status).toBe(status);
    expect(result).not.toHaveProperty("data");
    for (const { extensions } of result.errors ?? []) {
      expect(extensions).toEqual({ code, retryable: false, requestId: response.headers.get("x-request-id") });
    }
    expect(result.errors).not.toHaveLength(0);
    expect(calls.issued).toBe(0);
  });

  test.each([
    `{}`,
    `{"id":"x"}`,
    `{"query":null}`,
    `{"query":""}`,
    `{"extensions":{}}`,
    `{"documentId":"x"}`,
  ])("%s is told to send the document, and no extension that is not supported", async (body) => {
    const { post } = await startServer();
    const { errors } = (await (await post(body)).json()) as GraphqlBody;
    expect(errors?.[0]?.message).toBe(
      "The request contains no document. Send its full text as `query`; persisted documents are not supported.",
    );
  });

  test("a document that does not validate gets 200 under application/json, where statuses describe the transport", async () => {
    const { query } = await startServer();
    const { status, body } = await query("{ nothing }");
    expect(status).toBe(200);
    expect(codeOf(body)).toBe("GRAPHQL_VALIDATION_FAILED");
  });

  test("a body over 64 KiB gets 413, however large it is", async () => {
    const { post } = await startServer();
    for (const bytes of [65 * 1024, 10 * 1024 * 1024]) {
      const response = await post({ query: `#${"x".repeat(bytes)}` });
      expect(response.status).toBe(413);
      expect(codeOf((await response.json()) as GraphqlBody)).toBe("BAD_REQUEST");
    }
  });

  test.each([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
    ["zstd", (body: string) => Buffer.from(body)],
    ["identity, GZIP", gzipSync],
  ])("a body with Content-Encoding %s gets 415 with what to send", async (encoding, compress) => {
    const { request, calls } = await startServer();
    const response = await request("/graphql", {
      method: "POST",
      headers: {
        authorization: "Bearer good",
        "content-type": "application/json",
        "content-encoding": encoding,
      },
      body: new Uint8Array(compress(JSON.stringify({ query: tokenMutation }))),
    });
    const body = (await response.json()) as GraphqlBody;
    expect(response.status).toBe(415);
    expect(response.headers.get("accept-encoding")).toBe("identity");
    expect(codeOf(body)).toBe("BAD_REQUEST");
    expect(body.errors?.[0]?.message).toMatch(/send the body uncompressed, as application\/json/);
    expect(calls.issued).toBe(0);
  });

  test("a body with Content-Encoding identity is accepted", async () => {
    const { query } = await startServer();
    expect((await query(tokenMutation, { "content-encoding": "identity" })).body.data).toBeTruthy();
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/graphql",
  ])("a body of type %s gets 415, so that no HTML form of another site is accepted", async (type) => {
    const { post, calls } = await startServer();
    const response = await post(JSON.stringify({ query: tokenMutation }), { "content-type": type });
    expect(response.status).toBe(415);
    expect(codeOf((await response.json()) as GraphqlBody)).toBe("BAD_REQUEST");
    expect(calls.issued).toBe(0);
  });

  test.each(["PUT", "PATCH", "DELETE", "OPTIONS"])("%s gets 405 with the allowed methods", async (method) => {
    const { request, calls } = await startServer();
    const response = await request(`/graphql?query=${encodeURIComponent(tokenMutation)}`, {
      method,
      headers: { authorization: "Bearer good", "apollo-require-preflight": "1" },
    });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, POST");
    expect(codeOf((await response.json()) as GraphqlBody)).toBe("BAD_REQUEST");
    expect(calls.issued).toBe(0);
  });
});

describe("logs", () => {
  test("contain no token, header, document or variable, whatever happens", async () => {
    const { post, query, lines } = await startServer();
    await query(tokenMutation);
    await query("{ secretField }");
    await post({ query: tokenMutation }, { authorization: "Bearer secret-bearer" });
    await post({
      query: "query A($a: Boolean!) { viewer { id @include(if: $a) } }",
      variables: { a: "secret-variable" },
    });
    await post("secret-body");
    const text = JSON.stringify(lines);
    expect(lines.length).toBeGreaterThan(3);
    expect(text).not.toMatch(/secret|Bearer|authorization/);
    expect(text).not.toContain(issuedToken.signInToken);
  });
});
