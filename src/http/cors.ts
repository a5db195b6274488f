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
 * Allows the configured origins, and no others, to read responses (WHATWG Fetch, "CORS protocol"). Scripts set the
 * `Authorization` header themselves, so `Access-Control-Allow-Credentials` is never sent.
 */
export function registerCors(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const allowed = new Set(origins);

  app.addHook("onRequest", async (request, reply) => {
    // A cache must not serve one origin the response to another.
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
