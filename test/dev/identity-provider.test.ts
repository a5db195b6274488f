import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import {
  startIdentityProvider,
  type IdentityProvider,
} from "../../dev/identity-provider/identity-provider.js";
import { signIn } from "../../dev/sign-in.js";
import { appUser } from "../support/stack.js";

const audience = "https://gateway.vital.test";
let provider: IdentityProvider;

beforeAll(async () => {
  provider = await startIdentityProvider({ audience });
});
afterAll(() => provider.close());

const signInAs = (id: string) => signIn({ issuer: provider.issuer, audience, appUserId: appUser(id) });

/** Verifies as any resource server does: metadata, keys, signature, claims. */
async function verify(accessToken: string) {
  const metadata = await fetch(`${provider.issuer}/.well-known/openid-configuration`);
  const { jwks_uri, issuer } = (await metadata.json()) as { jwks_uri: string; issuer: string };
  return jwtVerify(accessToken, createRemoteJWKSet(new URL(jwks_uri)), { issuer, audience, typ: "at+jwt" });
}

test("an access token has the header and the claims of RFC 9068 and can be verified through discovery", async () => {
  const { accessToken, expiresInSeconds } = await signInAs("u1");
  expect(decodeProtectedHeader(accessToken)).toMatchObject({ alg: "RS256", typ: "at+jwt" });
  const { payload } = await verify(accessToken);
  expect(payload).toEqual({
    iss: provider.issuer,
    aud: audience,
    sub: "u1",
    client_id: "vital-demo-app",
    scope: "vital",
    jti: expect.any(String) as string,
    iat: expect.any(Number) as number,
    exp: (payload.iat ?? 0) + expiresInSeconds,
  });
});

test.each([
  "🦊🩺",
  "a/b",
  " two  words ",
  "auth0|5f7c?x=1&y=%00#z",
  "Ünï\u0301cødé",
  `"><script>`,
  "u".repeat(256),
])("%j signs in as exactly that user", async (id) => {
  const { accessToken } = await signInAs(id);
  expect((await verify(accessToken)).payload.sub).toBe(id);
});

test("a user name that is not a valid app user id is rejected with a 400", async () => {
  const invalid = "\u0007" as AppUserId;
  await expect(signIn({ issuer: provider.issuer, audience, appUserId: invalid })).rejects.toThrow(
    "The identity provider rejected the sign-in (HTTP 400)",
  );
});

test("no token is issued for another audience", async () => {
  const { issuer } = provider;
  await expect(
    signIn({ issuer, audience: "https://other.test", appUserId: appUser("u1") }),
  ).rejects.toThrow();
});

test("a sign-in that has ended shows a page that says what to do", async () => {
  const response = await fetch(`${provider.issuer}/interaction/long-gone`);
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("Start again from the app.");
});

test("an audience that is not a URI is rejected at startup", async () => {
  await expect(startIdentityProvider({ audience: "gateway" })).rejects.toThrow("must be an absolute URI");
});
