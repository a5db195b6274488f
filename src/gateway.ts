import { createErrorPresenter } from "../schema/errors.js";
import { buildGraphqlSchema } from "../schema/schema.js";
import { createApp, createProcessLog, type App } from "./app.js";
import { isInvalidToken } from "./auth/bearer-error.js";
import { toChallengeHeader } from "./auth/challenge.js";
import { createKeySets } from "./auth/keys/key-sets.js";
import { createViewerAuthentication } from "./auth/viewer-authentication.js";
import type { GatewayConfig } from "./config/config.js";
import type { AppUserId } from "./core/mapping/app-user-id.js";
import { createEventClocks } from "./telemetry/event-clocks.js";
import { createSignupEvents } from "./core/mapping/signup-events.js";
import { createSignInTokens, type SignInTokens } from "./core/tokens/sign-in-tokens.js";
import { listStartupNotes } from "./http/events/event-settings.js";
import { registerEventIngress } from "./http/events/event-ingress.js";
import { createProxyFinder, describeRoute } from "./http-client/outbound-proxies.js";
import { createAuthFailureLimit, createTokenRateLimit, limitSignInTokens } from "./http/rate-limits.js";
import { toResourceMetadataUrl } from "./http/resource-metadata.js";
import { createAdminServer, createPublicServer } from "./http/servers.js";
import { describeTrustedProxies } from "./http/trusted-proxies.js";
import { createClosers, type Closers } from "./lifecycle/closers.js";
import { stopTimes, type Lifecycle } from "./lifecycle/lifecycle.js";
import { createCommandConnection } from "./queue/redis-connection.js";
import type { Logger } from "./telemetry/logger.js";
import type { Metrics } from "./telemetry/metrics.js";
import { createThrottledWarning } from "./telemetry/throttled-warning.js";

/**
 * The HTTP process: GraphQL for apps, the event ingress for signup services, health and metrics for operators. Its
 * ports open immediately; MongoDB, Redis, Vital and the issuer may become available later.
 */
export async function startGateway(config: GatewayConfig, lifecycle: Lifecycle) {
  const log = createProcessLog("gateway", config);
  const closers = createClosers({ log });

  return closers.closeOnFailure(async () => {
    const app = createApp(config, {
      name: "gateway",
      log,
      closers,
      mongo: { serverSelectionTimeoutMs: 2_500, socketTimeoutMs: 5_000 },
      isStopping: lifecycle.isStopping,
      onFatal: lifecycle.fail,
    });
    logIssuerRoutes(config, log);
    const keySets = createKeySets({
      policy: config.auth,
      log,
      now: app.now,
      findProxy: createProxyFinder(config.proxies),
    });
    const { metrics, readiness } = app;
    const authentication = createViewerAuthentication({
      policy: config.auth,
      keySets,
      log,
      now: app.now,
      countSharedUserId: metrics.sharedUserId,
    });
    closers.add("authentication", authentication.close);

    const admin = createAdminServer({ log, readiness: readiness.detailedState, metrics: metrics.read });
    closers.add("admin server", () => admin.close());
    const schema = createGraphqlSchema(config, app, closers);
    const server = createGatewayServer(config, app, { schema, authentication });
    closers.add("HTTP server", () => server.close(), {
      timeoutMs: stopTimes.drainMs,
      cutOff: () => {
        server.server.closeAllConnections();
      },
    });

    for (const note of [...config.notes, ...listStartupNotes(config.events)]) log.warn({}, note);
    authentication.start();
    const url = await server.listen({ port: config.port, host: config.host });
    const adminUrl = await admin.listen({ port: config.admin.port, host: config.admin.host });
    log.info({ url, adminUrl, ...config.vital.deployment }, "gateway listening");
    return { url, adminUrl, log, close: closers.close };
  });
}

/** Logs how the keys of each issuer are fetched, if a proxy is configured. */
function logIssuerRoutes({ auth, proxies }: GatewayConfig, log: Logger): void {
  for (const { issuer, keys } of auth.issuers) {
    const route = keys.from === "secret" ? "" : describeRoute(proxies, keys.url);
    if (route !== "") log.info({ issuer, route }, "requests to the issuer use a proxy setting");
  }
}

function createGraphqlSchema(config: GatewayConfig, app: App, closers: Closers) {
  const { mappings, metrics, queue, readiness } = app;
  // A separate connection with auto-pipelining, because one round trip per request would cost more than the counting.
  const counters = createCommandConnection(config.redisUrl, { enableAutoPipelining: true });
  closers.add("Redis for rate limits", () => {
    counters.disconnect();
  });
  const tokenRateLimit = createTokenRateLimit({ redis: counters, perMinute: config.tokensPerMinute });
  const signInTokens = createSignInTokens({ ...app, wake: queue.wake, deadlineMs: config.deadlineMs });
  const issueWhenReady = { issue: readiness.guard(signInTokens.issue) };
  return buildGraphqlSchema({
    signInTokens: countRequests(limitSignInTokens(issueWhenReady, tokenRateLimit), metrics),
    mappings: { find: readiness.guard((appUserId: AppUserId) => mappings.find(appUserId)) },
  });
}

/** Counts the requests for a sign-in token by their outcome. */
function countRequests(tokens: SignInTokens, metrics: Pick<Metrics, "tokenRequested">): SignInTokens {
  return {
    async issue(appUserId) {
      try {
        const issued = await tokens.issue(appUserId);
        metrics.tokenRequested("issued");
        return issued;
      } catch (error) {
        const code = error instanceof Error && "code" in error ? String(error.code).toLowerCase() : "error";
        metrics.tokenRequested(code);
        throw error;
      }
    },
  };
}

function createGatewayServer(
  config: GatewayConfig,
  app: App,
  {
    schema,
    authentication,
  }: {
    schema: ReturnType<typeof buildGraphqlSchema>;
    authentication: ReturnType<typeof createViewerAuthentication>;
  },
) {
  const { log, metrics, readiness } = app;
  const { deadlineMs, publicUrl, authFailuresPerMinute: perMinute } = config;
  const clientAddress = describeTrustedProxies(config.trustedProxies);
  const warn = createThrottledWarning({ log, now: app.now, phrase: "one address sends many invalid tokens" });
  const onExceeded = () => {
    const fix = "if this is the address of a load balancer, set GATEWAY_TRUST_PROXY";
    warn(new Error(`${perMinute} in a minute, addresses read from: ${clientAddress}; ${fix}`));
  };
  log.info({ clientAddress }, "addresses of clients");
  const challengeOptions =
    publicUrl === null ? {} : { resourceMetadataUrl: toResourceMetadataUrl(publicUrl) };
  const eventClocks = createEventClocks(app);
  const events = createSignupEvents({
    writer: app.writer,
    wake: app.queue.wake,
    now: app.now,
    onBlockedDeletion: eventClocks.deletionBlocked,
  });

  return createPublicServer({
    log,
    observeHttp: metrics.observeHttp,
    trustedProxies: config.trustedProxies,
    keepAliveMs: config.keepAliveSeconds * 1000,
    graphql: {
      schema,
      authenticate: authentication.authenticate,
      challenge: (error) => toChallengeHeader(error, challengeOptions),
      isInvalidToken,
      presentError: createErrorPresenter({ log }),
      introspection: config.introspection,
      deadlineMs,
      ...(perMinute > 0 && { authFailureLimit: createAuthFailureLimit({ perMinute, onExceeded }) }),
    },
    resourceMetadata: toResourceMetadata(config),
    readiness: readiness.state,
    cors: config.cors,
    plugins: [
      (fastify) => {
        registerEventIngress(fastify, {
          settings: config.events,
          record: readiness.guard(events.record),
          checkClock: eventClocks.check,
          deadlineMs,
          now: app.now,
          metrics,
          log,
        });
      },
    ],
  });
}

const toResourceMetadata = ({ auth, publicUrl }: GatewayConfig) => ({
  ...(publicUrl !== null && { publicUrl }),
  authorizationServers: auth.issuers.map(({ issuer }) => issuer).filter((issuer) => URL.canParse(issuer)),
  ...(auth.requiredScope !== undefined && { scopes: [auth.requiredScope] }),
});
