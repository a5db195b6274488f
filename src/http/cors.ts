import type { FastifyInstance } from "fastify";

const preflightHeaders = {
  "access-control-allow-methods": "GET, POST",
  "access-control-allow-headers": [
    "accept",
    "apollo-require-preflight",
    "apollographql-client-name",
    "apollographql-client-version",
    "authorization",
    "baggage",
    "content-type",
    "graphql-require-preflight",
    "traceparent",
    "tracestate",
    "x-apollo-operation-name",
    "x-request-id",
  ].join(", "),
  "access-control-max-age": "600",
};
const exposedHeaders = "retry-after, www-authenticate, x-request-id";

/**
 * Lets the named origins read answers (WHATWG Fetch, "CORS protocol"), and nobody else. Tokens travel in a header
 * that scripts set themselves, so credentials are never allowed.
 */
export function registerCors(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const allowed = new Set(origins);

  app.addHook("onRequest", async (request, reply) => {
    // A cache must not give one origin what was meant for another.
    void reply.header("vary", "Origin");
    const { origin } = request.headers;
    if (origin === undefined || !allowed.has(origin)) return;
    void reply.headers({
      "access-control-allow-origin": origin,
      "access-control-expose-headers": exposedHeaders,
    });
    const isPreflight =
      request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
    if (isPreflight) return reply.headers(preflightHeaders).code(204).send();
  });
}
