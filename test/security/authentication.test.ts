import { request as httpRequest, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { expect, test } from "vitest";
import { waitUntil } from "../support/wait-until.js";
import { startStackForTest, startStackForFile } from "../support/security/use-test-stack.js";
import { tokenMutation, type GraphqlBody } from "../support/security/test-stack.js";

const stack = startStackForFile();
const publicUrl = "https://gateway.example.com";
const metadata = `resource_metadata="${publicUrl}/.well-known/oauth-protected-resource/graphql"`;

async function startReadyGateway(settings: Record<string, string> = {}) {
  const gateway = await stack().startGateway({ GATEWAY_PUBLIC_URL: publicUrl, ...settings });
  await gateway.untilReady();
  return gateway;
}

/** Does not use `fetch`, which joins two headers of the same name. */
async function postWithHeaders(url: string, headers: string[]) {
  const sent = httpRequest(`${url}/graphql`, { method: "POST", headers });
  sent.end(JSON.stringify({ query: tokenMutation }));
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve).once("error", reject);
  });
  return { status: response.statusCode, body: (await json(response)) as GraphqlBody };
}

test("a request without a token gets a challenge with the metadata address and no error", async () => {
  const gateway = await startReadyGateway();
  const response = await gateway.post({ query: tokenMutation });
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toBe(`Bearer ${metadata}`);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const body = (await response.json()) as GraphqlBody;
  expect(body.errors?.[0]?.extensions).toMatchObject({ code: "UNAUTHENTICATED", retryable: false });
});

test.each([
  ["an expired token", () => stack().token("u", { exp: Math.floor(Date.now() / 1000) - 3600 })],
  ["a token for another service", () => stack().token("u", { aud: "https://other.example.com" })],
  ["a token of another issuer", () => stack().token("u", { iss: "https://issuer.example.com" })],
  ["a token without a user", () => stack().token("u", { sub: undefined })],
  ["a machine's token", () => stack().token("app", { client_id: "app" })],
  ["an impersonation token", () => stack().token("u", { act: { sub: "support" } })],
  ["a token bound to a key", () => stack().token("u", { cnf: { jkt: "x" } })],
  ["not a JWT", () => "opaque"],
])("%s is rejected with invalid_token", async (_name, makeToken) => {
  const gateway = await startReadyGateway();
  const { status, headers, body } = await gateway.query(makeToken(), tokenMutation);
  expect(status).toBe(401);
  expect(headers.get("www-authenticate")).toMatch(/^Bearer error="invalid_token"/);
  expect(headers.get("www-authenticate")).toContain(metadata);
  expect(body.data).toBeUndefined();
});

test("a token that lacks the required scope is rejected with insufficient_scope", async () => {
  const gateway = await startReadyGateway({ AUTH_REQUIRED_SCOPE: "health:connect" });
  const { status, headers, body } = await gateway.query(
    stack().token("u", { scope: "openid profile" }),
    tokenMutation,
  );
  expect(status).toBe(403);
  expect(headers.get("www-authenticate")).toContain('error="insufficient_scope"');
  expect(headers.get("www-authenticate")).toContain('scope="health:connect"');
  expect(body.errors?.[0]?.extensions.code).toBe("FORBIDDEN");
  const allowed = await gateway.query(stack().token("u", { scope: "openid health:connect" }), tokenMutation);
  expect(allowed.body.errors).toBeUndefined();
});

test("two Authorization headers are rejected, even if each alone would be accepted", async () => {
  const gateway = await startReadyGateway();
  const valid = `Bearer ${stack().token("u")}`;
  const base = ["host", "gateway.test", "content-type", "application/json"];
  for (const [first, second] of [
    [valid, valid],
    [valid, "Bearer other"],
    ["Basic dTpw", valid],
  ] as const) {
    const headers = [...base, "authorization", first, "Authorization", second];
    const { status, body } = await postWithHeaders(gateway.url, headers);
    expect(status).toBe(401);
    expect(body.errors?.[0]?.extensions.code).toBe("UNAUTHENTICATED");
  }
  const { status } = await postWithHeaders(gateway.url, [...base, "authorization", valid]);
  expect(status).toBe(200);
});

test("a token in the query string or the body is ignored", async () => {
  const gateway = await startReadyGateway();
  const token = stack().token("u");
  const inQuery = await gateway.request(`/graphql?access_token=${token}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: tokenMutation, access_token: token }),
  });
  expect(inQuery.status).toBe(401);
});

test("with the issuer down at startup tokens cannot be verified, and can be once it is back", async () => {
  const own = await startStackForTest();
  own.issuer.fail("/team/.well-known/openid-configuration");
  const gateway = await own.startGateway();
  await gateway.untilReady();
  const token = own.token("u");
  const { status, headers, body } = await gateway.query(token, tokenMutation);
  expect(status).toBe(503);
  expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  expect(body.errors?.[0]?.extensions).toMatchObject({ code: "AUTH_UNAVAILABLE", retryable: true });

  own.issuer.publishIssuer("/team", [own.key]);
  await waitUntil(
    "the token is accepted",
    async () => (await gateway.query(token, "{ viewer { id } }")).status === 200,
    15_000,
  );
});

test("the protected resource metadata contains the issuer and how to send a token", async () => {
  const gateway = await startReadyGateway({ AUTH_REQUIRED_SCOPE: "health:connect" });
  const response = await gateway.request("/.well-known/oauth-protected-resource/graphql");
  expect(await response.json()).toEqual({
    resource: `${publicUrl}/graphql`,
    authorization_servers: [stack().iss],
    scopes_supported: ["health:connect"],
    bearer_methods_supported: ["header"],
  });
});
