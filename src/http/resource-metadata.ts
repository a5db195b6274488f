import type { FastifyInstance, FastifyRequest } from "fastify";
import { HttpProblem } from "./problem.js";

export type ResourceMetadataOptions = {
  /** The URL of the gateway as clients see it, without a trailing slash; taken from the Host header by default. */
  publicUrl?: string;
  /** Issuers whose access tokens are accepted. */
  authorizationServers: readonly string[];
  scopes?: readonly string[];
};

const wellKnownPath = "/.well-known/oauth-protected-resource";
const validHost = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** Returns the URL of the metadata of `/graphql`, for the `resource_metadata` of a challenge (RFC 9728 §5.1). */
export const toResourceMetadataUrl = (publicUrl: string): string => `${publicUrl}${wellKnownPath}/graphql`;

/** The caller chooses the Host header, so only a plain host is copied into the document. */
function toRequestUrl(request: FastifyRequest): string {
  const { host, protocol } = request;
  if (!validHost.test(host))
    throw new HttpProblem("BAD_REQUEST", {
      detail: "The Host header must be a host name or an IP address, with an optional port.",
    });
  return `${protocol}://${host}`;
}

/**
 * Serves the OAuth 2.0 protected resource metadata (RFC 9728 §3): which issuers' tokens are accepted, and how to send
 * them. The `resource` of each of the two documents is the URL from which its well-known path is derived.
 */
export function registerResourceMetadata(app: FastifyInstance, options: ResourceMetadataOptions): void {
  const { publicUrl, authorizationServers, scopes = [] } = options;
  const toMetadata = (request: FastifyRequest, resourcePath: string) => ({
    resource: `${publicUrl ?? toRequestUrl(request)}${resourcePath}`,
    authorization_servers: authorizationServers,
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    bearer_methods_supported: ["header"],
  });
  app.get(wellKnownPath, (request) => toMetadata(request, ""));
  app.get(`${wellKnownPath}/graphql`, (request) => toMetadata(request, "/graphql"));
}
