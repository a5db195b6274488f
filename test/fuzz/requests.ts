import { Webhook } from "standardwebhooks";
import { secrets } from "../support/security/test-stack.js";
import type { SeededRandom } from "../support/random.js";

/** A request to send. Header names and values may be anything except line breaks. */
export type FuzzRequest = {
  method: string;
  path: string;
  headers: [string, string][];
  body: Buffer;
};

export type AccessTokens = {
  /** Returns a random valid access token. */
  drawValid(random: SeededRandom): string;
  invalid: readonly string[];
};

const documents = [
  "mutation { vitalSignInToken { userId signInToken environment region } }",
  "{ viewer { id vitalUser { id state environment region activatedAt } } }",
  "query Q($a: Boolean!) { viewer { id @include(if: $a) } }",
  "{ __schema { types { name } } }",
  "mutation { a: vitalSignInToken { userId } b: vitalSignInToken { userId } }",
  "query A { viewer { id } } query B { viewer { id } }",
  "subscription { viewer { id } }",
  "{ viewer { ...F } } fragment F on Viewer { id ...F }",
  `{ ${"viewer { id } ".repeat(150)}}`,
  `{ viewer ${"{ a ".repeat(40)}${"}".repeat(41)}`,
  '"""description""" type T { a: Int }',
  "",
  "{",
];

const customUser = (id: unknown) => ({
  type: "user.created",
  timestamp: new Date().toISOString(),
  data: { id },
});
const cloudEvent = (subject: unknown) => ({
  specversion: "1.0",
  id: "e1",
  source: "s",
  type: "user.created",
  subject,
});
const supabaseEvent = (id: unknown) => ({
  type: "INSERT",
  table: "users",
  schema: "auth",
  record: { id },
  old_record: null,
});

/** Values that often break parsers, drivers and databases. */
const hostileValues: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  Number.MAX_VALUE,
  "",
  " ",
  ".",
  "..",
  "\u0000",
  "\ud800",
  "e\u0301",
  "🙂".repeat(200),
  "x".repeat(5_000),
  "../../etc/passwd",
  "'; DROP TABLE users; --",
  "{{7*7}}${7*7}<script>",
  { $gt: "" },
  { $where: "sleep(1000)" },
  { toString: 1, constructor: {}, length: -1 },
  [],
  [[[[[]]]]],
  Array.from({ length: 200 }, () => 1),
];

function toNested(depth: number): string {
  return `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
}

/** Replaces some parts of a JSON value with hostile values, and drops or adds some members. */
function mutateJson(value: unknown, random: SeededRandom): unknown {
  if (typeof value !== "object" || value === null || random.chance(0.15)) return random.pick(hostileValues);
  const mutateSome = (item: unknown) => (random.chance(0.4) ? mutateJson(item, random) : item);
  if (Array.isArray(value)) return value.map((item: unknown) => mutateSome(item));
  const entries = Object.entries(value as Record<string, unknown>);
  const kept = entries.filter(() => !random.chance(0.08));
  const changed = kept.map(([key, item]): [string, unknown] => [key, mutateSome(item)]);
  if (random.chance(0.1)) changed.push([random.pick(["__proto__", "constructor", "$where", "a.b", ""]), 1]);
  return Object.fromEntries(changed);
}

/** Truncates, overwrites, repeats or inserts bytes. */
function mutateBytes(bytes: Buffer, random: SeededRandom): Buffer {
  if (bytes.length === 0) return random.bytes(random.integer(0, 19));
  const at = random.integer(0, bytes.length - 1);
  const to = Math.min(bytes.length, at + 1 + random.integer(0, 15));
  switch (random.integer(0, 4)) {
    case 0:
      return bytes.subarray(0, at);
    case 1: {
      const copy = Buffer.from(bytes);
      copy[at] = random.integer(0, 255);
      return copy;
    }
    case 2:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at, to), bytes.subarray(to)]);
    case 3:
      return Buffer.concat([
        bytes.subarray(0, at),
        random.bytes(1 + random.integer(0, 7)),
        bytes.subarray(at),
      ]);
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
  }
}

function toBody(value: unknown, random: SeededRandom): Buffer {
  const draw = random.integer(0, 9);
  if (draw === 0) return Buffer.from(toNested(10 + random.integer(0, 4_999)));
  if (draw === 1) return Buffer.from(`{"query":${"9".repeat(1 + random.integer(0, 1_999))}}`);
  const json = JSON.stringify(draw < 6 ? mutateJson(value, random) : value);
  const bytes = random.chance(0.1)
    ? Buffer.from(json, random.pick(["utf16le", "latin1"]))
    : Buffer.from(json);
  return random.chance(0.25) ? mutateBytes(bytes, random) : bytes;
}

function drawGraphql(random: SeededRandom, tokens: AccessTokens): FuzzRequest {
  const value = {
    query: random.pick(documents),
    ...(random.chance(0.4) && { variables: { a: random.pick([true, "x", null, 1]) } }),
    ...(random.chance(0.2) && { operationName: random.pick(["A", "B", "Q", ""]) }),
    ...(random.chance(0.1) && { extensions: { persistedQuery: { version: 1, sha256Hash: "0" } } }),
  };
  const token = random.chance(0.85) ? tokens.drawValid(random) : random.pick(tokens.invalid);
  return {
    method: "POST",
    path: "/graphql",
    headers: [
      ["content-type", "application/json"],
      ["authorization", `Bearer ${token}`],
      ["accept", random.pick(["*/*", "application/json", "application/graphql-response+json", "text/html"])],
    ],
    body: toBody(random.chance(0.05) ? [value, value] : value, random),
  };
}

function drawEvent(random: SeededRandom): FuzzRequest {
  const toEvent = random.pick([customUser, cloudEvent, supabaseEvent]);
  const id = random.chance(0.5) ? `user-${random.integer(0, 499)}` : random.pick(hostileValues);
  const value = random.chance(0.1) ? [toEvent(id), toEvent(id)] : toEvent(id);
  const body = toBody(value, random);
  const type = Array.isArray(value)
    ? "application/cloudevents-batch+json"
    : random.pick(["application/json", "application/cloudevents+json"]);
  const request: FuzzRequest = {
    method: "POST",
    path: "/v1/events",
    headers: [["content-type", type]],
    body,
  };
  if (random.chance(0.5)) {
    request.headers.push(["authorization", `Bearer ${secrets.eventsBearerToken}`]);
    if (random.chance(0.2)) request.headers.push(["ce-specversion", "1.0"], ["ce-type", "user.created"]);
    return request;
  }
  const at = new Date();
  const signature = new Webhook(secrets.eventsSigningSecret).sign("msg_1", at, body.toString("utf8"));
  request.headers.push(
    ["webhook-id", "msg_1"],
    ["webhook-timestamp", String(Math.floor(at.getTime() / 1000))],
    ["webhook-signature", signature],
  );
  return request;
}

const otherPaths = [
  ...["/livez", "/readyz", "/.well-known/oauth-protected-resource", "/metrics", "/queues"],
  ...["/.well-known/oauth-protected-resource/graphql", "/", "/graphql/", "/v1/events/", "/v2/user", "/%00"],
  ...["/*/", "/:a(", "/:a(*)/b", "/**", "/graphql/:a?", "/(a|b)", "/{a}"],
  ...["//graphql", "/graphql?query={viewer{id}}", "/..%2f..%2fetc/passwd", "/%", "/%ff", "*", "/a%20b?%=%"],
];

const methods = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"];

const oddHeaders: readonly ((random: SeededRandom) => [string, string])[] = [
  (random) => [
    "content-type",
    random.pick(["", "text/plain", "application/json; charset=utf-16", "a/b/c", "*/*"]),
  ],
  (random) => ["accept", random.pick(["", "x", "*/*;q=0", "application/json;q=9", ",,,", "a".repeat(3_000)])],
  (random) => [
    "authorization",
    random.pick(["", "Bearer", "Bearer ", "Basic dTpw", `Bearer ${"a".repeat(6_000)}`]),
  ],
  (random) => ["x-request-id", random.pick(["ok-1", "a b", "\u00e9", "x".repeat(300), "<b>"])],
  (random) => ["origin", random.pick(["null", "https://evil.example", "\u00ff"])],
  (random) => ["content-encoding", random.pick(["gzip", "br", "identity", "x"])],
  (random) => ["x-forwarded-for", random.pick(["1.2.3.4", "::1, x", "a".repeat(500)])],
  (random) => ["host", random.pick(["evil.example", "a b", "[::1]:99999", "", "x".repeat(500)])],
  () => ["expect", "100-continue"],
  () => ["upgrade", "websocket"],
  (random) => ["traceparent", random.pick(["", "00-0-0-0", "x".repeat(999)])],
  (random) => ["range", random.pick(["bytes=0-0", "bytes=9-1"])],
  () => ["access-control-request-method", "POST"],
  () => ["x-okta-verification-challenge", "challenge"],
  (random) => ["webhook-request-origin", random.pick(["a.example", "\u00e9\u00e9"])],
];

/** Returns a random request to one of the endpoints: valid except in a few places. */
export function drawRequest(random: SeededRandom, tokens: AccessTokens): FuzzRequest {
  const draw = random.integer(0, 9);
  const request: FuzzRequest =
    draw < 5
      ? drawGraphql(random, tokens)
      : draw < 8
        ? drawEvent(random)
        : { method: "GET", path: random.pick(otherPaths), headers: [], body: Buffer.alloc(0) };
  if (random.chance(0.12)) request.method = random.pick(methods);
  if (random.chance(0.06)) request.path = random.pick(otherPaths);
  if (random.chance(0.03)) request.path += `?${"q=".repeat(random.integer(0, 19_999))}`;
  if (random.chance(0.2)) request.headers.push(random.pick(oddHeaders)(random));
  if (random.chance(0.1)) request.headers = request.headers.filter(() => !random.chance(0.5));
  return request;
}

/** Serializes a request. With `isMalformed`, the HTTP syntax is broken as well. */
export function toWire(request: FuzzRequest, random: SeededRandom, isMalformed: boolean): Buffer {
  const { method, path, headers, body } = request;
  const hostLine = headers.filter(([name]) => name === "host").length > 0 ? [] : ["Host: gateway.test"];
  const isChunked = random.chance(0.1);
  const framing = isChunked
    ? ["Transfer-Encoding: chunked"]
    : method === "GET" && body.length === 0
      ? []
      : [`Content-Length: ${random.chance(0.05) && isMalformed ? random.integer(0, 999_999) : body.length}`];
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...hostLine,
    "Connection: close",
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...framing,
  ];
  const chunked = [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")];
  const sent = isChunked ? (body.length === 0 ? [Buffer.from("0\r\n\r\n")] : chunked) : [body];
  let bytes = Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), ...sent]);
  const times = isMalformed ? 1 + random.integer(0, 3) : 0;
  for (let index = 0; index < times; index += 1) bytes = Buffer.from(mutateBytes(bytes, random));
  return bytes;
}
