import * as oidc from "openid-client";
import type { AppUserId } from "../src/core/mapping/app-user-id.js";
import { demoClientId, demoScope } from "./identity-provider/identity-provider.js";

type SignInOptions = { issuer: string; audience: string; appUserId: AppUserId };

type SignedIn = { accessToken: string; expiresInSeconds: number };

/** A native app would listen here. This code reads the redirect instead of following it. */
const redirectUri = "http://127.0.0.1:49200/callback";

/** A sign-in normally takes four redirects. */
const maxRedirects = 10;

/** Stores cookies and sends them back: enough for one site and one sign-in. */
function createCookieJar() {
  const cookies = new Map<string, string>();
  return {
    store(response: Response): void {
      for (const line of response.headers.getSetCookie()) {
        const [pair = ""] = line.split(";");
        const at = pair.indexOf("=");
        const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
        // A server deletes a cookie by setting it to an empty value.
        if (value === "") cookies.delete(name);
        else cookies.set(name, value);
      }
    },
    toHeader: () => [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
  };
}

/** Acts as a browser and its user: follows redirects, submits the form, and returns the app's callback URL. */
async function completeSignIn(start: URL, appUserId: AppUserId): Promise<URL> {
  const jar = createCookieJar();
  const send = async (url: URL, form?: URLSearchParams): Promise<Response> => {
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie: jar.toHeader() },
      ...(form === undefined ? {} : { method: "POST", body: form }),
    });
    jar.store(response);
    return response;
  };

  let url = start;
  for (let redirects = 0; redirects < maxRedirects; redirects += 1) {
    let response = await send(url);
    if (response.status === 200) response = await send(url, new URLSearchParams({ login: appUserId }));
    const location = response.headers.get("location");
    if (location === null) {
      throw new Error(
        `The identity provider rejected the sign-in (HTTP ${response.status}) at ${url.pathname}.`,
      );
    }
    url = new URL(location, url);
    if (url.href.startsWith(redirectUri)) return url;
  }
  throw new Error(`The sign-in did not complete within ${maxRedirects} redirects.`);
}

/**
 * Signs an app user in with the development identity provider as a native app does: authorization code with PKCE over
 * HTTP (RFC 8252), with the gateway as the resource (RFC 8707).
 *
 * @returns the access token and its lifetime.
 * @throws Error when the provider rejects the sign-in.
 */
export async function signIn({ issuer, audience, appUserId }: SignInOptions): Promise<SignedIn> {
  const config = await oidc.discovery(new URL(issuer), demoClientId, undefined, oidc.None(), {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated only to discourage its use; the provider is on loopback
    execute: [oidc.allowInsecureRequests],
  });
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const expectedState = oidc.randomState();
  const authorizationUrl = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: `openid ${demoScope}`,
    resource: audience,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
  });
  const callback = await completeSignIn(authorizationUrl, appUserId);
  const tokens = await oidc.authorizationCodeGrant(
    config,
    callback,
    { pkceCodeVerifier, expectedState },
    { resource: audience },
  );
  return { accessToken: tokens.access_token, expiresInSeconds: tokens.expires_in ?? 0 };
}
