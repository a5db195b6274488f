import { connect } from "node:net";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { startServer } from "../support/http/test-server.js";

const internals = /node_modules|\.js:\d|\.ts:\d|FST_ERR|fastify|apollo|at Object|TypeError|undefined/i;

test("no body, header or path causes a 5xx or reveals internals", async () => {
  const { request } = await startServer();
  const jsonLike = fc.json().map((json) => json.slice(0, 2_000));
  const graphqlLike = fc
    .record(
      {
        query: fc.oneof(
          fc.string(),
          fc.jsonValue(),
          fc.constant("query A($a: Boolean!) { __typename @include(if: $a) }"),
        ),
        variables: fc.jsonValue(),
        operationName: fc.oneof(fc.string(), fc.jsonValue()),
        extensions: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((body) => JSON.stringify(body));
  const header = fc.string({ maxLength: 60 }).map((value) => value.replace(/[^\x20-\x7e]/g, "").trim());
  const attempt = fc.record({
    method: fc.constantFrom("POST", "POST", "POST", "PUT", "DELETE", "OPTIONS"),
    path: fc.oneof(
      { weight: 4, arbitrary: fc.constant("/graphql") },
      fc.webPath().map((path) => `/${path.replace(/^\/+/, "")}`),
      fc.constantFrom(
        "/graphql/",
        "/graphql%",
        "/%00",
        "/graphql?query=%7B",
        "/.well-known/oauth-protected-resource",
        "/readyz",
      ),
    ),
    body: fc.oneof(jsonLike, graphqlLike, fc.string()),
    type: fc.oneof({ weight: 4, arbitrary: fc.constant("application/json") }, header),
    accept: fc.oneof(fc.constant("*/*"), header),
    authorization: fc.oneof({ weight: 3, arbitrary: fc.constant("Bearer good") }, header),
    requestId: header,
  });
  await fc.assert(
    fc.asyncProperty(attempt, async ({ method, path, body, type, accept, authorization, requestId }) => {
      const headers = { "content-type": type, accept, authorization, "x-request-id": requestId };
      const response = await request(path, { method, headers, body });
      const responseText = await response.text();
      expect(response.status).toBeLessThan(500);
      expect(response.headers.get("x-request-id")).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
      // The error of a rejected document may quote what the caller sent.
      if (!internals.test(body)) expect(responseText).not.toMatch(internals);
    }),
    { numRuns: 200 },
  );
});

test.each([
  ["not HTTP", "hello\r\n\r\n", "400"],
  ["a bad header", "GET /livez HTTP/1.1\r\nHost: a\r\nBad Header\r\n\r\n", "400"],
  [
    "two lengths",
    "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "400",
  ],
  [
    "length and chunks",
    "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "400",
  ],
  ["no host", "GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n", "400"],
  ["huge headers", `GET /livez HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "431"],
])("%s on the wire gets the status %s", async (_name, bytes, status) => {
  const { url } = await startServer();
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(bytes);
  const response = await text(socket);
  expect(response).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(response).not.toMatch(internals);
});
