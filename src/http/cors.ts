import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "../telemetry/logger.js";
import { createThrottledWarning } from "../telemetry/throttled-warning.js";

/** The web apps that may call. */
export type CorsSettings = {
  /** Their origins, such as `https://app.example.com` or `capacitor://localhost`. */
  origins: readonly string[];
  /** The request headers that they may send besides the usual ones. */
  headers: readonly string[];
};

/**
 * The request headers of GraphQL clients, of monitoring (Sentry, Datadog, New Relic, Elastic, AWS X-Ray, OpenTelemetry
 * with W3C or B3) and of common HTTP libraries. A browser does not send a request with a header that is not listed, and
 * a wildcard includes neither `Authorization` nor a part of a name.
 */
const defaultHeaders: readonly string[] = [
  "accept",
  "apollo-require-preflight",
  "apollographql-client-name",
  "apollographql-client-version",
  "authorization",
  "b3",
  "baggage",
  "cache-control",
  "content-type",
  "elastic-apm-traceparent",
  "graphql-client-name",
  "graphql-client-version",
  "graphql-require-preflight",
  "newrelic",
  "pragma",
  "request-context",
  "request-id",
  "sentry-trace",
  "traceparent",
  "tracestate",
  "x-amzn-trace-id",
  "x-apollo-operation-id",
  "x-apollo-operation-name",
  "x-apollo-operation-type",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-spanid",
  "x-b3-traceid",
  "x-correlation-id",
  "x-datadog-origin",
  "x-datadog-parent-id",
  "x-datadog-sampling-priority",
  "x-datadog-tags",
  "x-datadog-trace-id",
  "x-request-id",
  "x-requested-with",
];

const preflightHeaders = {
  "access-control-allow-methods": "GET, POST",
  "access-control-max-age": "600",
};
const exposedHeaders = "retry-after, www-authenticate, x-request-id";
const warningQuietMs = 10 * 60_000;

const isPreflight = ({ method, headers }: FastifyRequest): boolean =>
  method === "OPTIONS" && headers["access-control-request-method"] !== undefined;

const listRequestedHeaders = ({ headers }: FastifyRequest): string[] =>
  (headers["access-control-request-headers"] ?? "")
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((name) => name !== "");

/** Creates the functions that log why a browser does not send the requests of a web app: only its user sees that. */
function createWarnings(log: Logger) {
  const phrase = "a browser may not send the requests of a web app";
  const options = { log, phrase, now: () => new Date(), quietMs: warningQuietMs };
  const [warnOfOrigin, warnOfHeader] = [createThrottledWarning(options), createThrottledWarning(options)];
  return {
    ofOrigin(origin: string) {
      const fix = "if it is an origin of yours, add it to GATEWAY_CORS_ORIGINS";
      warnOfOrigin(new Error("its origin is not allowed"), { origin: origin.slice(0, 200), fix });
    },
    ofHeader(origin: string, header: string) {
      const fix = "if the app needs it, add it to GATEWAY_CORS_HEADERS";
      warnOfHeader(new Error("a request header is not allowed"), {
        origin,
        header: header.slice(0, 100),
        fix,
      });
    },
  };
}

/**
 * Allows the configured origins, and no others, to read responses (WHATWG Fetch, "CORS protocol"). Scripts set the
 * `Authorization` header themselves, so `Access-Control-Allow-Credentials` is never sent. Call it before the hooks that
 * reject requests: a browser hides a response without these headers, its status and `Retry-After` included.
 */
export function registerCors(
  app: FastifyInstance,
  { origins, headers, log }: CorsSettings & { log: Logger },
): void {
  const allowedOrigins = new Set(origins);
  const allowedHeaders = new Set([...defaultHeaders, ...headers.map((name) => name.toLowerCase())]);
  const allowHeaders = [...allowedHeaders].join(", ");
  const warnings = createWarnings(log);

  app.addHook("onRequest", (request, reply, done) => {
    const { origin } = request.headers;
    // A cache must not serve one origin the response to another.
    if (origins.length > 0) void reply.header("vary", "Origin");
    const isAllowed = origin !== undefined && allowedOrigins.has(origin);
    if (isAllowed) {
      void reply.headers({
        "access-control-allow-origin": origin,
        "access-control-expose-headers": exposedHeaders,
      });
    }
    if (origin === undefined || !isPreflight(request)) {
      done();
    } else if (!isAllowed) {
      warnings.ofOrigin(origin);
      done();
    } else {
      const rejected = listRequestedHeaders(request).find((name) => !allowedHeaders.has(name));
      if (rejected !== undefined) warnings.ofHeader(origin, rejected);
      const headers = { ...preflightHeaders, "access-control-allow-headers": allowHeaders };
      void reply.headers(headers).code(204).send();
    }
  });
}
