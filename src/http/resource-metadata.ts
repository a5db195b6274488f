import type { FastifyInstance, FastifyRequest } from "fastify";
import { HttpProblem } from "./problem.js";

export type ResourceMetadataOptions = {
  /** Where clients reach the gateway, without a trailing slash; from the request's own Host when absent. */
  publicUrl?: string;
  /** Issuers whose access tokens are accepted. */
  authorizationServers: readonly string[];
  scopes?: readonly string[];
};

const wellKnownPath = "/.well-known/oauth-protected-resource";
const saneHost = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** The address of the metadata of `/graphql`, for the `resource_metadata` of a challenge (RFC 9728 §5.1). */
export const toResourceMetadataUrl = (publicUrl: string): string => `${publicUrl}${wellKnownPath}/graphql`;

/** The Host header is the caller's to choose: only a plain host gets into the document. */
function toOwnUrl(request: FastifyRequest): string {
  const { host, protocol } = request;
  if (!saneHost.test(host)) throw new HttpProblem(400, { detail: "The Host header is not a plain host." });
  return `${protocol}://${host}`;
}

/**
 * Serves the OAuth 2.0 protected resource metadata (RFC 9728 §3): which issuers' tokens are taken, and how. The
 * `resource` of each of the two documents is the address that its own well-known path was derived from.
 */
export function registerResourceMetadata(app: FastifyInstance, options: ResourceMetadataOptions): void {
  const { publicUrl, authorizationServers, scopes = [] } = options;
  const toMetadata = (request: FastifyRequest, resourcePath: string) => ({
    resource: `${publicUrl ?? toOwnUrl(request)}${resourcePath}`,
    authorization_servers: authorizationServers,
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    bearer_methods_supported: ["header"],
  });
  app.get(wellKnownPath, (request) => toMetadata(request, ""));
  app.get(`${wellKnownPath}/graphql`, (request) => toMetadata(request, "/graphql"));
}
