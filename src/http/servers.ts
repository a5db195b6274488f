import type { FastifyInstance } from "fastify";
import { registerCors } from "./cors.js";
import { registerGraphqlRoute, type GraphqlRouteOptions } from "./graphql/graphql-route.js";
import { registerHealth, type ReadinessCheck } from "./health.js";
import { createHttpApp, type HttpAppOptions } from "./fastify-app.js";
import { startOverloadSampler } from "./overload.js";
import { registerResourceMetadata, type ResourceMetadataOptions } from "./resource-metadata.js";

export type HttpServerOptions = HttpAppOptions & {
  graphql: Omit<GraphqlRouteOptions, "log">;
  resourceMetadata: ResourceMetadataOptions;
  readiness: ReadinessCheck;
  /** Web apps that may call from a browser, as `https://app.example.com`. */
  corsOrigins?: readonly string[];
  /** What else is served here, such as the event ingress; each is given the app before it listens. */
  plugins?: readonly ((app: FastifyInstance) => void)[];
};

/**
 * Makes the public server; the caller listens and closes. `close()` ends idle connections at once and lets requests
 * in flight end; it does not limit how long they take.
 */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { graphql, log } = options;
  const app = createHttpApp({
    overload: startOverloadSampler(),
    ...(graphql.deadlineMs !== undefined && { longestRequestMs: graphql.deadlineMs }),
    ...options,
  });
  registerCors(app, options.corsOrigins ?? []);
  registerHealth(app, options.readiness);
  registerResourceMetadata(app, options.resourceMetadata);
  registerGraphqlRoute(app, { ...graphql, log });
  for (const plug of options.plugins ?? []) plug(app);
  return app;
}

export type AdminServerOptions = Pick<HttpAppOptions, "log"> & {
  readiness: ReadinessCheck;
  metrics: () => Promise<{ contentType: string; body: string }>;
  /** Puts on the queue dashboard, which asks for its own password. */
  queues?: (app: FastifyInstance) => void;
};

/** Makes the operators' server, for an address that the public does not reach. */
export function createAdminServer({ log, readiness, metrics, queues }: AdminServerOptions): FastifyInstance {
  const app = createHttpApp({ log });
  registerHealth(app, readiness);
  app.get("/metrics", async (_request, reply) => {
    const { contentType, body } = await metrics();
    return reply.type(contentType).send(body);
  });
  queues?.(app);
  return app;
}
