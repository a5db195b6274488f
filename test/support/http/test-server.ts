import { onTestFinished } from "vitest";
import { createErrorPresenter } from "../../../schema/errors.js";
import { buildGraphqlSchema } from "../../../schema/schema.js";
import type { MappingLookup } from "../../../schema/viewer.resolver.js";
import type { AppUserId, VitalUserId } from "../../../src/core/mapping/app-user-id.js";
import { BearerError, isInvalidToken } from "../../../src/auth/bearer-error.js";
import type { IssuedSignInToken, SignInTokens } from "../../../src/core/tokens/sign-in-tokens.js";
import { createPublicServer, type PublicServerOptions } from "../../../src/http/servers.js";
import { createRecordingLog } from "../recording-log.js";

export const issuedToken: IssuedSignInToken = {
  vitalUserId: "11111111-2222-4333-8444-555555555555" as VitalUserId,
  signInToken: "c2VjcmV0LXNpZ24taW4tdG9rZW4=",
  environment: "sandbox",
  region: "us",
};

export const viewerId = "user_1" as AppUserId;
export const tokenMutation = "mutation { vitalSignInToken { userId signInToken environment region } }";

type Setup = Omit<Partial<PublicServerOptions>, "graphql"> & {
  graphql?: Partial<PublicServerOptions["graphql"]>;
  issue?: SignInTokens["issue"];
  find?: MappingLookup["find"];
};

export type GraphqlBody = {
  data?: Record<string, unknown> | null;
  errors?: { message: string; path?: string[]; extensions: Record<string, unknown> }[];
};

/** Starts the public server on a free port with fake services; the bearer token "good" identifies `viewerId`. */
export async function startServer(setup: Setup = {}) {
  const { log, lines } = createRecordingLog();
  const observed: { route: string; status: number; seconds: number }[] = [];
  const calls = { issued: 0 };

  const schema = buildGraphqlSchema({
    signInTokens: {
      issue: (appUserId) => {
        calls.issued += 1;
        return setup.issue ? setup.issue(appUserId) : Promise.resolve(issuedToken);
      },
    },
    mappings: { find: setup.find ?? (() => Promise.resolve(null)) },
  });
  const app = createPublicServer({
    log,
    observeHttp: (route, status, seconds) => void observed.push({ route, status, seconds }),
    readiness: () => ({ ready: true }),
    resourceMetadata: { authorizationServers: ["https://issuer.example"] },
    ...setup,
    graphql: {
      schema,
      presentError: createErrorPresenter({ log }),
      authenticate: (rawHeaders) =>
        rawHeaders.includes("Bearer good")
          ? Promise.resolve({ appUserId: viewerId })
          : Promise.reject(new BearerError("UNAUTHENTICATED", { bearerError: "invalid_token" })),
      isInvalidToken,
      challenge: (error) => `Bearer error="${error instanceof BearerError ? error.bearerError : ""}"`,
      ...setup.graphql,
    },
  });
  onTestFinished(() => app.close());
  const url = await app.listen({ port: 0, host: "127.0.0.1" });

  const request = (path: string, init: RequestInit = {}) => fetch(`${url}${path}`, init);
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    request("/graphql", {
      method: "POST",
      headers: { authorization: "Bearer good", "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const query = async (document: string, headers: Record<string, string> = {}) => {
    const response = await post({ query: document }, headers);
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as GraphqlBody,
    };
  };
  return { app, url, lines, observed, calls, request, post, query };
}

/** Returns the code of the first error. */
export const codeOf = (body: GraphqlBody): unknown => body.errors?.[0]?.extensions.code;
