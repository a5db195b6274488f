import { exportJWK, generateKeyPair, type JWK } from "jose";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Configuration, Provider } from "oidc-provider";
import { appUserIdProblem } from "../../src/core/mapping/app-user-id.js";
import { createIdentityStorage } from "./storage.js";
import { sendPage, toErrorPage, toSignInPage } from "./sign-in-page.js";

/** The public native client that represents the mobile app. */
export const demoClientId = "vital-demo-app";

/** The port may differ: on loopback addresses a native app chooses one for each request (RFC 8252 §7.3). */
const demoRedirectUri = "http://127.0.0.1/callback";

/** The scope that the demo app requests. */
export const demoScope = "vital";

const accessTokenSeconds = 60 * 60;
const sessionSeconds = 24 * 60 * 60;
const signInSeconds = 10 * 60;

type IdentityProviderOptions = {
  /** The resource name of the gateway (RFC 8707), an absolute URI: the `aud` of every access token. */
  audience: string;
  /** Port on 127.0.0.1; any free port by default. */
  port?: number;
};

export type IdentityProvider = { issuer: string; close(): Promise<void> };

/**
 * Imports the package without its warning about a Node.js version that works but is older than the package recommends.
 * The package has no option to turn the warning off.
 */
async function importProvider() {
  const { warn } = console;
  console.warn = (...args: unknown[]) => {
    if (!String(args[0]).includes("Unsupported runtime")) warn(...args);
  };
  try {
    return await import("oidc-provider");
  } finally {
    console.warn = warn;
  }
}

type Module = Awaited<ReturnType<typeof importProvider>>;

async function createSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: "RS256", use: "sig" };
}

/** Removes the consent page, because the only client is the demo app. */
function createPolicy({ interactionPolicy }: Module) {
  const policy = interactionPolicy.base();
  policy.remove("consent");
  return policy;
}

/** Every access token is issued for the gateway, whether or not the app names it (RFC 8707). */
function toResourceIndicators(module: Module, audience: string) {
  return {
    enabled: true,
    defaultResource: () => audience,
    useGrantedResource: () => true,
    getResourceServerInfo: (_context: unknown, resource: string) => {
      if (resource !== audience) throw new module.errors.InvalidTarget();
      return {
        scope: demoScope,
        audience,
        accessTokenTTL: accessTokenSeconds,
        accessTokenFormat: "jwt" as const,
        jwt: { sign: { alg: "RS256" as const } },
      };
    },
  };
}

async function toConfiguration(module: Module, audience: string): Promise<Configuration> {
  return {
    adapter: createIdentityStorage(),
    jwks: { keys: [await createSigningKey()] },
    cookies: { keys: [randomBytes(32).toString("base64url")] },
    clients: [
      {
        client_id: demoClientId,
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code"],
        response_types: ["code"],
        redirect_uris: [demoRedirectUri],
      },
    ],
    // Accepts any account id.
    findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    async loadExistingGrant({ oidc }) {
      const { client, session, provider } = oidc;
      if (client === undefined || session?.accountId === undefined) return undefined;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid");
      grant.addResourceScope(audience, demoScope);
      await grant.save();
      return grant;
    },
    interactions: {
      policy: createPolicy(module),
      url: (_context, { uid }) => `/interaction/${uid}`,
    },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: toResourceIndicators(module, audience),
    },
    clientBasedCORS: () => false,
    renderError(context, { error, error_description }) {
      context.type = "html";
      context.body = toErrorPage(error_description ?? error);
    },
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      IdToken: accessTokenSeconds,
      Interaction: signInSeconds,
      Session: sessionSeconds,
      Grant: sessionSeconds,
    },
  };
}

/** Shows the sign-in form, and processes the submitted form. */
async function serveSignIn(provider: Provider, request: IncomingMessage, response: ServerResponse) {
  await provider.interactionDetails(request, response);
  if (request.method !== "POST") {
    sendPage(response, 200, toSignInPage(null));
    return;
  }
  const accountId = new URLSearchParams(await text(request)).get("login");
  const problem = appUserIdProblem(accountId);
  if (accountId === null || problem !== null) {
    sendPage(response, 400, toSignInPage(problem));
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId } });
}

function createListener(provider: Provider) {
  const serveProtocol = provider.callback();
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url?.startsWith("/interaction/") !== true) {
      void serveProtocol(request, response);
      return;
    }
    serveSignIn(provider, request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else sendPage(response, 400, toErrorPage("This sign-in has ended. Start again from the app."));
    });
  };
}

/**
 * Starts a real OpenID provider on 127.0.0.1, for development only: any user name can sign in, without a password.
 *
 * It issues access tokens as defined by RFC 9068 (`at+jwt`, RS256) to the public client {@link demoClientId}, through the
 * authorization code flow with PKCE. All its data, including its signing key, is in memory and lost when it closes.
 *
 * @throws Error when the audience is not an absolute URI or the port is in use.
 */
export async function startIdentityProvider({
  audience,
  port = 0,
}: IdentityProviderOptions): Promise<IdentityProvider> {
  if (!URL.canParse(audience)) {
    throw new Error(
      `The audience must be an absolute URI such as https://gateway.example, not "${audience}".`,
    );
  }
  const module = await importProvider();
  const server = createServer();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new module.Provider(issuer, await toConfiguration(module, audience));
  server.on("request", createListener(provider));
  return {
    issuer,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
