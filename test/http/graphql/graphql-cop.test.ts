import { describe, expect, test } from "vitest";
import { codeOf, startServer, type GraphqlBody } from "../../support/http/test-server.js";

/** Sends the attack of each check of dolevf/graphql-cop. */
describe("the checks of graphql-cop", () => {
  test("101 aliases of __typename are rejected", async () => {
    const { query } = await startServer();
    const aliases = Array.from({ length: 101 }, (_, i) => `alias${i}:__typename`).join(" ");
    const { body } = await query(`query cop { ${aliases} }`);
    expect(body.data).toBeUndefined();
    expect(codeOf(body)).toBe("GRAPHQL_VALIDATION_FAILED");
  });

  test("a batch of ten is rejected", async () => {
    const { post } = await startServer();
    const response = await post(Array.from({ length: 10 }, () => ({ query: "query cop { __typename }" })));
    expect(response.status).toBe(400);
    expect(Array.isArray(await response.json())).toBe(false);
  });

  test("ten unknown directives do not cause ten errors", async () => {
    const { query } = await startServer();
    const { body } = await query(`query cop { __typename ${"@aa".repeat(10)} }`);
    expect(body.errors?.length).toBeLessThan(10);
  });

  test("circular introspection is rejected", async () => {
    const { query } = await startServer();
    const nested = (depth: number): string =>
      depth === 0 ? "name" : `fields { type { ${nested(depth - 1)} } }`;
    const { body } = await query(`query cop { __schema { types { ${nested(4)} } } }`);
    expect(body.data).toBeUndefined();
  });

  test("a field repeated 500 times is rejected", async () => {
    const { query } = await startServer();
    const { body } = await query(`query cop { ${"__typename \n".repeat(500)} }`);
    expect(body.data).toBeUndefined();
  });

  test("no field is suggested", async () => {
    const { query } = await startServer();
    for (const document of [
      "query cop { viewr { id } }",
      "query cop { viewer { vitalUsr { id } } }",
      "mutation { vitalSignInTokn }",
    ]) {
      const { body } = await query(document);
      expect(codeOf(body)).toBe("GRAPHQL_VALIDATION_FAILED");
      expect(JSON.stringify(body)).not.toContain("Did you mean");
    }
  });

  test("introspection is rejected, without naming the server software", async () => {
    const { query } = await startServer();
    const { body } = await query("query cop { __schema { types { name } } }");
    expect(body.data).toBeUndefined();
    expect(codeOf(body)).toBe("GRAPHQL_VALIDATION_FAILED");
    expect(JSON.stringify(body)).not.toMatch(/apollo/i);
  });

  test("no explorer is served", async () => {
    const { request } = await startServer();
    for (const path of ["/graphql", "/graphiql", "/playground", "/console", "/"]) {
      const response = await request(path, { headers: { accept: "text/html" } });
      expect([401, 404]).toContain(response.status);
      expect(await response.text()).not.toContain("<html");
    }
  });

  test("a mutation by GET is rejected, and so is a query without a token", async () => {
    const { request } = await startServer();
    const get = (document: string, headers: Record<string, string>) =>
      request(`/graphql?query=${encodeURIComponent(document)}`, { headers });
    for (const [response, status] of [
      [await get("mutation cop{__typename}", { authorization: "Bearer good" }), 405],
      [await get("query cop{__typename}", {}), 401],
    ] as const) {
      expect(response.status).toBe(status);
      expect((await response.json()) as GraphqlBody).not.toHaveProperty("data");
    }
  });

  test("a urlencoded POST is rejected", async () => {
    const { post } = await startServer();
    const response = await post("query=query%20cop%20%7B__typename%7D", {
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(response.status).toBe(415);
  });

  test("no trace is returned", async () => {
    const { post } = await startServer();
    const response = await post(
      { query: "query cop { __typename }" },
      { "apollo-tracing": "1", "apollo-federation-include-trace": "ftv1" },
    );
    expect((await response.json()) as object).not.toHaveProperty("extensions");
  });

  test("an error shows no stack and no exception", async () => {
    const { query } = await startServer();
    const { body } = await query("qwerty cop { abc }");
    expect(codeOf(body)).toBe("GRAPHQL_PARSE_FAILED");
    expect(JSON.stringify(body)).not.toMatch(/stack|exception|node_modules/);
  });
});
