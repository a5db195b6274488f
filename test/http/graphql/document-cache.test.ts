import { parse } from "graphql";
import { expect, test } from "vitest";
import { createDocumentCache } from "../../../src/http/graphql/document-cache.js";
import { startServer, tokenMutation } from "../../support/http/test-server.js";

const query = "query Q($yes: Boolean = true) { viewer { id @include(if: $yes) } }";
const several = "query A { viewer { id } } query B { viewer { id vitalUser { id } } }";

const bodies: Record<string, unknown> = {
  "the mutation": { query: tokenMutation },
  "a query with variables": { query, variables: { yes: true } },
  "variables that do not fit": { query, variables: { yes: "maybe" } },
  "variables that are a list": { query, variables: [1] },
  "variables that are text": { query, variables: "{}" },
  "a variable that nobody asks for": { query, variables: { no: 1 } },
  "one of several operations": { query: several, operationName: "B" },
  "an operation that is not there": { query: several, operationName: "C" },
  "an operation without a name": { query: several, operationName: "" },
  "none of several operations": { query: several },
  "an operation name that is no text": { query: several, operationName: 7 },
  extensions: { query, extensions: { client: "app" } },
  "extensions that are a list": { query, extensions: [] },
  "extensions that are text": { query, extensions: "{}" },
  "a persisted query": { query, extensions: { persistedQuery: { version: 1, sha256Hash: "0" } } },
  "a subscription": { query: "subscription { viewer { id } }" },
  "a document that is not valid": { query: "{ nothing }" },
  "a document that does not parse": { query: "{" },
  "two mutations": { query: "mutation { a: vitalSignInToken { userId } b: vitalSignInToken { userId } }" },
};

test.each(Object.entries(bodies))("%s is answered alike when its document is known", async (_name, body) => {
  const { post } = await startServer();
  const ask = async (accept: string) => {
    const response = await post(body, { accept, "x-request-id": "same" });
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      body: await response.text(),
    };
  };
  for (const accept of ["application/json", "application/graphql-response+json"]) {
    const fresh = await startServer();
    const response = await fresh.post(body, { accept, "x-request-id": "same" });
    const first = {
      status: response.status,
      type: response.headers.get("content-type"),
      body: await response.text(),
    };
    // Makes the documents known, each under a request that is good.
    await post({ query: tokenMutation });
    await post({ query });
    await post({ query: several, operationName: "A" });
    expect(await ask(accept)).toEqual(first);
    expect(await ask(accept)).toEqual(first);
  }
});

test("a bounded number of documents is remembered, the oldest makes room, and long ones are not", () => {
  const known = createDocumentCache();
  const toQuery = (index: number) => `query Q${index} { viewer { id } }`;
  for (let index = 0; index < 150; index += 1) known.add(toQuery(index), parse(toQuery(index)));
  const isKnown = (text: string) => known.find({ query: text }) !== null;
  expect(isKnown(toQuery(0))).toBe(false);
  expect(isKnown(toQuery(149))).toBe(true);
  const long = `{ viewer { id } } #${"x".repeat(3_000)}`;
  known.add(long, parse(long));
  expect(isKnown(long)).toBe(false);
});
