import type { FastifyInstance } from "fastify";
import { createFastifyApp, type FastifyAppOptions } from "./fastify-app.js";
import { registerGraphqlRoute, type GraphqlRouteOptions } from "./graphql/graphql-route.js";
import { registerHealth, type ReadinessCheck } from "./health.js";
import { startOverloadSampler } from "./overload.js";
import { registerResourceMetadata, type ResourceMetadataOptions } from "./resource-metadata.js";
import { createClientAddressReader, createProxyTrust, type TrustedProxies } from "./trusted-proxies.js";

export type PublicServerOptions = Omit<FastifyAppOptions, "isTrustedProxy"> & {
  graphql: Omit<GraphqlRouteOptions, "log" | "readClientAddress">;
  /** The proxies in front of the server; none by default. */
  trustedProxies?: TrustedProxies;
  resourceMetadata: ResourceMetadataOptions;
  readiness: ReadinessCheck;
  /** Functions that register further routes, such as the event ingress, before the server listens. */
  plugins?: readonly ((app: FastifyInstance) => void)[];
};

/**
 * Creates the public server; the caller calls `listen()` and `close()`. `close()` ends idle connections immediately and
 * lets requests in flight finish; it does not limit how long they take.
 */
export function createPublicServer(options: PublicServerOptions): FastifyInstance {
  const { graphql, log } = options;
  const isTrustedProxy = createProxyTrust(options.trustedProxies ?? { hops: 0 });
  const app = createFastifyApp({
    overload: startOverloadSampler(),
    ...(graphql.deadlineMs !== undefined && { longestRequestMs: graphql.deadlineMs }),
    ...options,
    isTrustedProxy,
  });
  registerHealth(app, options.readiness);
  registerResourceMetadata(app, options.resourceMetadata);
  const readClientAddress = createClientAddressReader(isTrustedProxy);
  registerGraphqlRoute(app, { ...graphql, log, readClientAddress });
  for (const register of options.plugins ?? []) register(app);
  return app;
}

type AdminServerOptions = Pick<FastifyAppOptions, "log"> & {
  readiness: ReadinessCheck;
  metrics: () => Promise<{ contentType: string; body: string }>;
  /** Registers the queue dashboard, which asks for its own password. */
  queues?: (app: FastifyInstance) => void;
};

/** Creates the server for operators, which must listen on an address that is not reachable from the internet. */
export function createAdminServer({ log, readiness, metrics, queues }: AdminServerOptions): FastifyInstance {
  const app = createFastifyApp({ log });
  registerHealth(app, readiness);
  app.get("/metrics", async (_request, reply) => {
    const { contentType, body } = await metrics();
    return reply.type(contentType).send(body);
  });
  queues?.(app);
  return app;
}
