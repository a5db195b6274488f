import { describe, expect, test } from "vitest";
import { startServer, type GraphqlBody } from "../../support/http/test-server.js";

const query = "query Launch { viewer { id } }";
const operationName = "Launch";
const expected = { viewer: { id: "user_1" } };
const graphqlType = "application/graphql-response+json";
const jsonType = "application/json";
const persistedQuery = { version: 1, sha256Hash: "0".repeat(64) };
const clientLibrary = { name: "@apollo/client", version: "4.0.0" };

/** What each client sends with its defaults, as its source says. */
const clients = {
  "Apollo Client 4": {
    headers: { accept: "application/graphql-response+json,application/json;q=0.9", "content-type": jsonType },
    body: { operationName, variables: {}, extensions: { clientLibrary }, query },
    responseType: graphqlType,
  },
  "Apollo Client 3": {
    headers: { accept: "*/*", "content-type": jsonType },
    body: { operationName, variables: {}, query },
    responseType: jsonType,
  },
  "urql by POST": {
    headers: {
      accept:
        "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed",
      "content-type": jsonType,
    },
    body: { operationName, query, variables: {} },
    responseType: graphqlType,
  },
  "Apollo iOS": {
    headers: {
      accept: "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json",
      "content-type": jsonType,
      "x-apollo-operation-name": operationName,
      "x-apollo-operation-type": "query",
      "apollographql-client-name": "com.example.app-apollo-ios",
    },
    body: { operationName, query, variables: null },
    responseType: graphqlType,
  },
  "Apollo Kotlin": {
    headers: {
      accept: "multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json",
      "content-type": jsonType,
      "apollo-require-preflight": "true",
    },
    body: { operationName, variables: {}, query },
    responseType: graphqlType,
  },
  Relay: {
    headers: { accept: "*/*", "content-type": jsonType },
    body: { query, variables: {} },
    responseType: jsonType,
  },
  "graphql_flutter and Ferry": {
    headers: { accept: "*/*", "content-type": "application/json; charset=utf-8" },
    body: { operationName, variables: {}, query },
    responseType: jsonType,
  },
};

test.each(Object.entries(clients))("%s gets data with its defaults", async (_name, client) => {
  const { post } = await startServer();
  const response = await post(client.body, client.headers);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(`${client.responseType}; charset=utf-8`);
  expect(await response.json()).toEqual({ data: expected });
});

test.each([
  ["urql", { operationName, query, variables: "{}" }, clients["urql by POST"].headers.accept],
  [
    "Apollo Client",
    { query, operationName, variables: "{}", extensions: JSON.stringify({ clientLibrary }) },
    clients["Apollo Client 4"].headers.accept,
  ],
  ["Apollo Kotlin", { operationName, variables: "{}", query }, clients["Apollo Kotlin"].headers.accept],
])("%s gets data by GET", async (_name, parameters, accept) => {
  const { request } = await startServer();
  const headers = { authorization: "Bearer good", accept };
  const response = await request(`/graphql?${String(new URLSearchParams(parameters))}`, { headers });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ data: expected });
});

describe("a request of automatic persisted queries", () => {
  test.each(Object.entries(clients))(
    "of %s gets the message that makes the client send the whole document",
    async (_name, { headers }) => {
      const { post, request } = await startServer();
      const extensions = { persistedQuery };
      const search = new URLSearchParams({ operationName, extensions: JSON.stringify(extensions) });
      const responses = [
        await post({ operationName, variables: {}, extensions }, headers),
        await request(`/graphql?${String(search)}`, {
          headers: { authorization: "Bearer good", accept: headers.accept },
        }),
      ];
      for (const response of responses) {
        // urql compares the message; Apollo Client the message or the code. Neither reads the body of all 4xx responses.
        expect(response.status).toBe(200);
        const { errors } = (await response.json()) as GraphqlBody;
        expect(errors?.[0]?.message).toBe("PersistedQueryNotSupported");
        expect(errors?.[0]?.extensions.code).toBe("PERSISTED_QUERY_NOT_SUPPORTED");
      }
      expect((await post({ operationName, variables: {}, query }, headers)).status).toBe(200);
    },
  );
});
