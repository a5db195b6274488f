import { createErrorPresenter } from "../schema/errors.js";
import { buildGraphqlSchema } from "../schema/schema.js";
import { createApp } from "./app.js";
import type { GatewayConfig } from "./config/config.js";
import type { AppUserId } from "./core/mapping/app-user-id.js";
import { endsWithin } from "./core/deadline.js";
import { createSignInTokens, type SignInTokens } from "./core/tokens/sign-in-tokens.js";
import { createSignupEvents } from "./core/mapping/signup-events.js";
import { toChallengeHeader } from "./auth/challenge.js";
import { createKeySets } from "./auth/keys/key-sets.js";
import { createViewerAuthentication } from "./auth/viewer-authentication.js";
import { registerEventIngress } from "./http/events/event-ingress.js";
import { startupNotes } from "./http/events/event-settings.js";
import { createAuthFailureLimit, createTokenRateLimit, limitSignInTokens } from "./http/rate-limits.js";
import { toResourceMetadataUrl } from "./http/resource-metadata.js";
import { createAdminServer, createHttpServer } from "./http/servers.js";
import { stopTimes, type Lifecycle } from "./lifecycle/lifecycle.js";
import { createCommandConnection } from "./queue/redis-connection.js";

/**
 * The HTTP process: GraphQL for apps, the event ingress for signup services, health and metrics for operators. Its
 * ports open at once; MongoDB, Redis, Vital and the issuer may come later.
 */
export async function startGateway(config: GatewayConfig, lifecycle: Lifecycle) {
  const app = createApp(config, {
    name: "gateway",
    mongoPatienceMs: 2_500,
    mongoTimeoutMs: 5_000,
    isStopping: lifecycle.isStopping,
    onFatal: lifecycle.fail,
  });
  const { log, metrics, mappings, whenReady, readiness } = app;

  const keySets = createKeySets({ policy: config.auth, log, now: app.now });
  const authentication = createViewerAuthentication({ policy: config.auth, keySets, log, now: app.now });
  const signInTokens = createSignInTokens({ ...app, wake: app.queue.wake, deadlineMs: config.deadlineMs });
  // A connection of its own: every sign-in counts, and a round trip for each would cost more than the counting.
  const counters = createCommandConnection(config.redisUrl, { enableAutoPipelining: true });
  const tokenRateLimit = createTokenRateLimit({ redis: counters, perMinute: config.tokensPerMinute });
  const events = createSignupEvents({ writer: app.writer, wake: app.queue.wake });

  const schema = buildGraphqlSchema({
    signInTokens: countTokens(
      limitSignInTokens({ issue: whenReady(signInTokens.issue) }, tokenRateLimit),
      metrics,
    ),
    mappings: { find: whenReady((appUserId: AppUserId) => mappings.find(appUserId)) },
  });
  const metadataUrl =
    config.publicUrl === null ? {} : { resourceMetadataUrl: toResourceMetadataUrl(config.publicUrl) };

  const server = createHttpServer({
    log,
    observeHttp: metrics.observeHttp,
    trustProxy: config.trustProxy,
    graphql: {
      schema,
      authenticate: authentication.authenticate,
      challenge: (error) => toChallengeHeader(error, metadataUrl),
      presentError: createErrorPresenter({ log }),
      introspection: config.introspection,
      deadlineMs: config.deadlineMs,
      ...(config.authFailuresPerMinute > 0 && {
        authFailureLimit: createAuthFailureLimit({ perMinute: config.authFailuresPerMinute }),
      }),
    },
    resourceMetadata: {
      ...(config.publicUrl !== null && { publicUrl: config.publicUrl }),
      authorizationServers: config.auth.issuers
        .map(({ issuer }) => issuer)
        .filter((issuer) => URL.canParse(issuer)),
      ...(config.auth.requiredScope !== undefined && { scopes: [config.auth.requiredScope] }),
    },
    readiness: readiness.state,
    corsOrigins: config.corsOrigins,
    plugins: [
      (fastify) => {
        registerEventIngress(fastify, {
          settings: config.events,
          record: whenReady(events.record),
          deadlineMs: config.deadlineMs,
          clock: app.now,
          metrics,
          logger: log,
        });
      },
    ],
  });
  const admin = createAdminServer({ log, readiness: readiness.state, metrics: metrics.read });

  async function close(): Promise<void> {
    if (!(await endsWithin(server.close(), stopTimes.drainMs))) server.server.closeAllConnections();
    counters.disconnect();
    await endsWithin(Promise.all([admin.close(), authentication.close(), app.close()]), stopTimes.closeMs);
  }

  for (const note of startupNotes(config.events)) log.warn({}, note);
  authentication.start();
  const url = await server.listen({ port: config.port, host: config.host });
  const adminUrl = await admin.listen({ port: config.admin.port, host: config.admin.host });
  log.info({ url, adminUrl, ...config.vital.deployment }, "gateway listening");
  return { url, adminUrl, log, close };
}

/** Counts the sign-in tokens asked for by what came of them. */
function countTokens(tokens: SignInTokens, metrics: { tokenAsked(outcome: string): void }): SignInTokens {
  return {
    async issue(appUserId) {
      try {
        const issued = await tokens.issue(appUserId);
        metrics.tokenAsked("issued");
        return issued;
      } catch (error) {
        metrics.tokenAsked(
          error instanceof Error && "code" in error ? String(error.code).toLowerCase() : "error",
        );
        throw error;
      }
    },
  };
}
