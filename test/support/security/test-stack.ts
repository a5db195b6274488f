import { randomUUID } from "node:crypto";
import { startSimulator } from "../../../simulator/server.js";
import { readGatewayConfig } from "../../../src/config/config.js";
import { startGateway } from "../../../src/gateway.js";
import { startIssuer } from "../auth/test-issuer.js";
import { createTestKey, signToken } from "../auth/tokens.js";
import { waitUntil } from "../wait-until.js";

/** Secrets that must never appear outside the settings; each contains a word by which it is found. */
export const secrets = {
  vitalApiKey: "sk_us_secret_team_key_0123456789",
  eventsBearerToken: "secret-events-bearer-0123456789",
  eventsSigningSecret: `whsec_${Buffer.from("secret-webhook-key-0123456789abc").toString("base64")}`,
  adminPassword: "secret-admin-password",
};

const audience = "https://gateway.test";
export const tokenMutation = "mutation { vitalSignInToken { userId signInToken } }";

type Environment = Record<string, string>;
export type GraphqlBody = {
  data?: Record<string, unknown> | null;
  errors?: { message: string; extensions: Record<string, unknown> }[];
};

/** Starts a gateway in this process as its entry point does, without signal handlers; a fatal failure is recorded. */
async function startTestGateway(environment: Environment) {
  let hasFailed = false;
  const gateway = await startGateway(readGatewayConfig(environment), {
    isStopping: () => false,
    fail: () => (hasFailed = true),
    run: () => undefined,
  });
  const url = gateway.url;

  const request = (path: string, init: RequestInit = {}) => fetch(url + path, init);
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    request("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });

  return {
    ...gateway,
    hasFailed: () => hasFailed,
    request,
    post,
    async query(token: string, query: string) {
      const response = await post({ query }, { authorization: `Bearer ${token}` });
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as GraphqlBody,
      };
    },
    untilReady: () =>
      waitUntil("the gateway is ready", async () => (await request("/readyz")).status === 200),
  };
}

export type TestGateway = Awaited<ReturnType<typeof startTestGateway>>;

/**
 * Starts what one team runs: an identity provider, Vital (the simulator) and any number of gateways, with the given
 * MongoDB and Redis.
 */
export async function startTestStack({ mongodbUrl, redisUrl }: { mongodbUrl: string; redisUrl: string }) {
  const issuer = await startIssuer();
  const vital = await startSimulator();
  const key = createTestKey("key-1", "ES256");
  const iss = issuer.publishIssuer("/team", [key]);
  const gateways: TestGateway[] = [];

  const environment: Environment = {
    VITAL_API_KEY: secrets.vitalApiKey,
    VITAL_API_URL: vital.url,
    MONGODB_URL: mongodbUrl,
    REDIS_URL: redisUrl,
    AUTH_ISSUER: iss,
    AUTH_AUDIENCE: audience,
    EVENTS_BEARER_TOKENS: secrets.eventsBearerToken,
    EVENTS_SIGNING_SECRETS: secrets.eventsSigningSecret,
    ADMIN_PASSWORD: secrets.adminPassword,
    GATEWAY_HOST: "127.0.0.1",
    GATEWAY_PORT: "0",
    ADMIN_PORT: "0",
    LOG_LEVEL: "silent",
  };

  return {
    issuer,
    iss,
    key,
    environment,

    /** Returns an access token of the identity provider; `claims` override those of a valid token. */
    token(sub: string, claims: Record<string, unknown> = {}): string {
      const now = Math.floor(Date.now() / 1000);
      const validClaims = {
        iss,
        aud: audience,
        sub,
        client_id: "app",
        iat: now,
        exp: now + 300,
        jti: randomUUID(),
      };
      return signToken(
        { alg: "ES256", kid: key.kid, typ: "at+jwt" },
        { ...validClaims, ...claims },
        "ES256",
        key.privateKey,
      );
    },

    async startGateway(settings: Environment = {}): Promise<TestGateway> {
      const gateway = await startTestGateway({ ...environment, ...settings });
      gateways.push(gateway);
      return gateway;
    },

    /** Counts the calls of this path pattern that reached Vital. */
    async countCalls(path: string): Promise<number> {
      const response = await fetch(`${vital.url}/__simulator/requests`);
      const { requests } = (await response.json()) as { requests: { path: string; count: number }[] };
      return requests.filter((request) => request.path === path).reduce((sum, { count }) => sum + count, 0);
    },

    async close(): Promise<void> {
      for (const gateway of gateways) await gateway.close();
      await vital.close();
      await issuer.close();
    },
  };
}

export type TestStack = Awaited<ReturnType<typeof startTestStack>>;
