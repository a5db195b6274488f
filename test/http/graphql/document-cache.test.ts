import { parse } from "graphql";
import { expect, test } from "vitest";
import { createDocumentCache } from "../../../src/http/graphql/document-cache.js";
import { startServer, tokenMutation } from "../../support/http/test-server.js";

const query = "query Q($yes: Boolean = true) { viewer { id @include(if: $yes) } }";
const several = "query A { viewer { id } } query B { viewer { id vitalUser { id } } }";

const bodies: Record<string, unknown> = {
  "the mutation": { query: tokenMutation },
  "a query with variables": { query, variables: { yes: true } },
  "invalid variables": { query, variables: { yes: "maybe" } },
  "variables that are a list": { query, variables: [1] },
  "variables that are a string": { query, variables: "{}" },
  "an undeclared variable": { query, variables: { no: 1 } },
  "one of several operations": { query: several, operationName: "B" },
  "an operation that does not exist": { query: several, operationName: "C" },
  "an operation without a name": { query: several, operationName: "" },
  "none of several operations": { query: several },
  "an operation name that is not a string": { query: several, operationName: 7 },
  extensions: { query, extensions: { client: "app" } },
  "extensions that are a list": { query, extensions: [] },
  "extensions that are a string": { query, extensions: "{}" },
  "a persisted query": { query, extensions: { persistedQuery: { version: 1, sha256Hash: "0" } } },
  "a subscription": { query: "subscription { viewer { id } }" },
  "an invalid document": { query: "{ nothing }" },
  "a document that does not parse": { query: "{" },
  "two mutations": { query: "mutation { a: vitalSignInToken { userId } b: vitalSignInToken { userId } }" },
};

test.each(Object.entries(bodies))(
  "%s gets the same response when its document is cached",
  async (_name, body) => {
    const { post } = await startServer();
    const send = async (to: typeof post, accept: string) => {
      const response = await to(body, { accept, "x-request-id": "same" });
      return {
        status: response.status,
        type: response.headers.get("content-type"),
        body: await response.text(),
      };
    };
    for (const accept of ["application/json", "application/graphql-response+json"]) {
      const uncached = await startServer();
      const expected = await send(uncached.post, accept);
      // Adds each valid document to the cache.
      await post({ query: tokenMutation });
      await post({ query });
      await post({ query: several, operationName: "A" });
      expect(await send(post, accept)).toEqual(expected);
      expect(await send(post, accept)).toEqual(expected);
    }
  },
);

test("the cache is bounded, drops its oldest document, and stores no long documents", () => {
  const cache = createDocumentCache();
  const toQuery = (index: number) => `query Q${index} { viewer { id } }`;
  for (let index = 0; index < 150; index += 1) cache.add(toQuery(index), parse(toQuery(index)));
  const isCached = (text: string) => cache.find({ query: text }) !== null;
  expect(isCached(toQuery(0))).toBe(false);
  expect(isCached(toQuery(149))).toBe(true);
  const long = `{ viewer { id } } #${"x".repeat(3_000)}`;
  cache.add(long, parse(long));
  expect(isCached(long)).toBe(false);
});
