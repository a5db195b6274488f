import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { BearerError } from "../../src/auth/bearer-error.js";
import { readToken } from "../../src/auth/tokens/read-token.js";
import { ServiceError } from "../../src/core/errors.js";
import { codeOf, startServer, type GraphqlBody } from "../support/http/test-server.js";

const page = readFileSync(new URL("../../docs/graphql.md", import.meta.url), "utf8");
const section = page.slice(page.indexOf("\n## HTTP statuses"), page.indexOf("\n## Retry"));
const rows = section
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter(([, status = ""]) => /^\d{3}$/.test(status))
  .map(([, status = "", code = "", body = ""]) => ({ status, code, body }));

type Server = Awaited<ReturnType<typeof startServer>>;
type Case = {
  setup?: Parameters<typeof startServer>[0];
  send?: (server: Server) => Promise<Response>;
  expectedCode?: string;
};

const origin = "https://app.example";
const rejectWith = (error: Error) => ({ graphql: { authenticate: () => Promise.reject(error) } });
const invalid = new BearerError("UNAUTHENTICATED", { bearerError: "invalid_token" });

/** Sends the head of a request that never ends. Returns what the server sends before it closes the connection. */
async function sendIncomplete({ url }: Server): Promise<Response> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("POST /graphql HTTP/1.1\r\nHost: x\r\n");
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const [head = "", body = ""] = Buffer.concat(chunks).toString().split("\r\n\r\n");
  const type = /content-type: (.+)/i.exec(head)?.[1]?.trim() ?? "";
  return new Response(body, { status: Number(head.split(" ")[1]), headers: { "content-type": type } });
}

const cases: Readonly<Record<string, Case>> = {
  200: {},
  204: {
    setup: { cors: { origins: [origin], headers: [] } },
    send: ({ request }) =>
      request("/graphql", {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST" },
      }),
  },
  400: { send: ({ post }) => post("{"), expectedCode: "BAD_REQUEST" },
  401: { send: ({ post }) => post({}, { authorization: "" }), expectedCode: "UNAUTHENTICATED" },
  403: {
    setup: rejectWith(new BearerError("FORBIDDEN", { bearerError: "insufficient_scope" })),
    expectedCode: "FORBIDDEN",
  },
  404: { send: ({ request }) => request("/graphq"), expectedCode: "NOT_FOUND" },
  405: { send: ({ request }) => request("/graphql", { method: "PUT" }), expectedCode: "BAD_REQUEST" },
  406: { send: ({ post }) => post({ query: "{a}" }, { accept: "text/csv" }), expectedCode: "BAD_REQUEST" },
  408: { setup: { longestArrivalMs: 300 }, send: sendIncomplete, expectedCode: "REQUEST_TIMEOUT" },
  413: { send: ({ post }) => post(" ".repeat(65 * 1024)), expectedCode: "BAD_REQUEST" },
  415: { send: ({ post }) => post("a=1", { "content-type": "text/plain" }), expectedCode: "BAD_REQUEST" },
  429: {
    setup: {
      graphql: {
        authenticate: () => Promise.reject(invalid),
        authFailureLimit: {
          findError: () => Promise.resolve(new ServiceError("RATE_LIMITED", { retryAfterMs: 1_000 })),
          record: () => Promise.resolve(),
        },
      },
    },
    expectedCode: "RATE_LIMITED",
  },
  431: {
    send: ({ post }) => post({}, { authorization: `Bearer ${"a".repeat(17 * 1024)}` }),
    expectedCode: "HEADERS_TOO_LARGE",
  },
  500: { setup: rejectWith(new Error("a bug")), expectedCode: "INTERNAL_SERVER_ERROR" },
  503: {
    setup: { overload: { isOverloaded: () => true, close: () => undefined } },
    expectedCode: "SERVICE_UNAVAILABLE",
  },
};

test("docs/graphql.md lists each status once", () => {
  expect(rows.map(({ status }) => status)).toEqual(Object.keys(cases));
});

test.each(Object.entries(cases))(
  "docs/graphql.md says what a response with %s contains",
  async (status, { setup, send, expectedCode }) => {
    const server = await startServer(setup);
    const response = await (send?.(server) ?? server.post({ query: "{ __typename }" }));
    expect(String(response.status)).toBe(status);
    const row = rows.find((candidate) => candidate.status === status);
    const text = await response.text();
    const body = text === "" ? null : (JSON.parse(text) as GraphqlBody & { code?: string });
    const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json") === true;
    expect(row?.body).toBe(body === null ? "none" : isProblem ? "problem" : "GraphQL");
    if (expectedCode === undefined) return;
    expect(isProblem ? body?.code : codeOf(body ?? {})).toBe(expectedCode);
    expect(row?.code).toContain(`\`${expectedCode}\``);
  },
);

test("docs/graphql.md says how long an access token may be", () => {
  const token = (length: number) => `${"a".repeat(length - 6)}.${"b".repeat(2)}.cc`;
  expect(page).toContain("One access token: 8 KiB.");
  expect(readToken(token(8 * 1024))).not.toMatchObject({
    reason: expect.stringContaining("longer") as unknown,
  });
  expect(readToken(token(8 * 1024 + 1))).toMatchObject({ reason: "the token is longer than 8192 bytes" });
});
