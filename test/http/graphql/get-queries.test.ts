import { describe, expect, test } from "vitest";
import { codeOf, startServer, tokenMutation, type GraphqlBody } from "../../support/http/test-server.js";

const graphqlType = "application/graphql-response+json";
const launchQuery = "query Launch { viewer { id } }";

/** Starts a server, and a function that sends the parameters by GET. */
async function startGet(setup: Parameters<typeof startServer>[0] = {}) {
  const server = await startServer(setup);
  const get = async (
    parameters: Record<string, string> | string,
    { path = "/graphql", ...headers }: Record<string, string> = {},
  ) => {
    const search = typeof parameters === "string" ? parameters : String(new URLSearchParams(parameters));
    const response = await server.request(`${path}?${search}`, {
      headers: { authorization: "Bearer good", accept: graphqlType, ...headers },
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as GraphqlBody,
    };
  };
  return { ...server, get };
}

describe("a query by GET", () => {
  test("gets the same response as by POST, and must not be cached", async () => {
    const { get, query } = await startGet();
    for (const accept of [graphqlType, "application/json", "*/*"]) {
      const byGet = await get({ query: launchQuery }, { accept });
      const byPost = await query(launchQuery, { accept });
      expect([byGet.status, byGet.body]).toEqual([byPost.status, byPost.body]);
      expect(byGet.headers.get("content-type")).toBe(byPost.headers.get("content-type"));
      expect(byGet.headers.get("cache-control")).toBe("no-store");
      expect(byGet.headers.get("vary")).toBe("Accept, Authorization");
    }
  });

  test("may have variables, an operation name and extensions", async () => {
    const { get } = await startGet();
    const { body } = await get({
      query: "query A { __typename } query B($with: Boolean!) { viewer { id @include(if: $with) } }",
      operationName: "B",
      variables: JSON.stringify({ with: true }),
      extensions: JSON.stringify({ clientLibrary: { name: "@apollo/client", version: "4.0.0" } }),
    });
    expect(body).toEqual({ data: { viewer: { id: "user_1" } } });
  });

  test("may have empty parameters, null variables and unknown parameters", async () => {
    const { get } = await startGet();
    const { body } = await get({
      query: launchQuery,
      operationName: "",
      variables: "null",
      extensions: "",
      other: "1",
    });
    expect(body.data).toBeTruthy();
  });

  test("needs the same authentication, from the header only", async () => {
    const { get, request } = await startGet();
    for (const authorization of ["Bearer bad", ""]) {
      const { status, headers, body } = await get({ query: launchQuery }, { authorization });
      expect([status, codeOf(body)]).toEqual([401, "UNAUTHENTICATED"]);
      expect(headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
    const parameters = new URLSearchParams({ query: launchQuery, access_token: "good" });
    expect((await request(`/graphql?${parameters.toString()}`)).status).toBe(401);
  });

  test("is allowed for web apps of configured origins only", async () => {
    const { get } = await startGet({ cors: { origins: ["https://app.example"], headers: [] } });
    const { headers } = await get({ query: launchQuery }, { origin: "https://app.example" });
    expect(headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(headers.get("vary")).toBe("Origin, Accept, Authorization");
  });

  test.each(["mutation { vitalSignInToken { userId } }", `query A { __typename } ${tokenMutation}`])(
    "that is a mutation gets 405 and runs nothing, in a cached document as well: %s",
    async (document) => {
      const { get, query, calls } = await startGet();
      const isSingle = document.startsWith("mutation");
      const named = isSingle ? document : document.replace("mutation {", "mutation M {");
      for (const isCached of [false, true]) {
        if (isCached && isSingle) await query(named);
        const issuedBefore = calls.issued;
        for (const accept of [graphqlType, "application/json"]) {
          const parameters = { query: named, ...(!isSingle && { operationName: "M" }) };
          const { status, headers, body } = await get(parameters, { accept });
          expect(status).toBe(405);
          expect(headers.get("allow")).toBe("POST");
          expect(codeOf(body)).toBe("BAD_REQUEST");
          expect(body.errors?.[0]?.message).toBe("Send a mutation by POST; GET serves queries only.");
          expect(body).not.toHaveProperty("data");
        }
        expect(calls.issued).toBe(issuedBefore);
      }
    },
  );

  test("runs in a document that also contains a mutation, if it is the requested operation", async () => {
    const { get, calls } = await startGet();
    const document = `query A { __typename } ${tokenMutation.replace("mutation", "mutation B")}`;
    expect((await get({ query: document, operationName: "A" })).body.data).toEqual({ __typename: "Query" });
    expect(calls.issued).toBe(0);
  });

  test.each([
    ["nothing", "", 400, "BAD_REQUEST", /contains no document/],
    ["an empty query", "query=", 400, "BAD_REQUEST", /contains no document/],
    ["a repeated query", "query={a}&query={b}", 400, "BAD_REQUEST", /query only once/],
    ["variables that are not JSON", "query={__typename}&variables={", 400, "BAD_REQUEST", /not valid JSON/],
    ["variables in an array", "query={__typename}&variables=[]", 400, "BAD_REQUEST", /a JSON object/],
    ["extensions in a string", 'query={__typename}&extensions="a"', 400, "BAD_REQUEST", /a JSON object/],
    [
      "variables with a prototype",
      'query={__typename}&variables={"__proto__":{"a":1}}',
      400,
      "BAD_REQUEST",
      /not valid JSON/,
    ],
    ["a document that does not parse", "query={", 400, "GRAPHQL_PARSE_FAILED", /Syntax Error/],
    ["an unknown field", "query={nothing}", 400, "GRAPHQL_VALIDATION_FAILED", /nothing/],
    [
      "too many aliases",
      `query={${"abcdefg".replace(/./g, "$&:__typename ")}}`,
      400,
      "GRAPHQL_VALIDATION_FAILED",
      /aliases/,
    ],
    ["a subscription", "query=subscription{a}", 400, "OPERATION_RESOLUTION_FAILURE", /subscription/],
    ["a persisted document", "documentId=sha256:x", 400, "PERSISTED_QUERY_NOT_SUPPORTED", /no document/],
    [
      "an automatic persisted query",
      `extensions=${encodeURIComponent('{"persistedQuery":{"version":1,"sha256Hash":"x"}}')}`,
      200,
      "PERSISTED_QUERY_NOT_SUPPORTED",
      /^PersistedQueryNotSupported$/,
    ],
  ])("with %s is rejected with what to change", async (_name, search, status, code, message) => {
    const { get } = await startGet();
    const response = await get(search);
    expect(response.status).toBe(status);
    expect(codeOf(response.body)).toBe(code);
    expect(response.body.errors?.[0]?.message).toMatch(message);
    expect(response.body.errors?.[0]?.extensions.requestId).toBe(response.headers.get("x-request-id"));
  });

  test("with a URL that is too long gets 431", async () => {
    const { request } = await startServer();
    const response = await request(`/graphql?query=%23${"x".repeat(20_000)}`);
    expect(response.status).toBe(431);
  });
});

test("HEAD is not served", async () => {
  const { request } = await startServer();
  const response = await request(`/graphql?query=${launchQuery}`, { method: "HEAD" });
  expect(response.status).toBe(405);
  expect(response.headers.get("allow")).toBe("GET, POST");
});

test("/graphql/ is /graphql for every method, and in the metrics", async () => {
  const { get, request, observed } = await startGet();
  const headers = { authorization: "Bearer good", "content-type": "application/json" };
  const posted = await request("/graphql/", {
    method: "POST",
    headers,
    body: JSON.stringify({ query: tokenMutation }),
  });
  expect(((await posted.json()) as GraphqlBody).data).toBeTruthy();
  expect((await get({ query: launchQuery }, { path: "/graphql/" })).body.data).toBeTruthy();
  expect((await request("/graphql/", { method: "PUT" })).headers.get("allow")).toBe("GET, POST");
  await expect.poll(() => observed.length).toBe(3);
  expect(new Set(observed.map(({ route }) => route))).toEqual(new Set(["/graphql"]));
});
