import type { AddressInfo } from "node:net";

import type { FastifyRequest } from "fastify";

import { toCaller } from "./api-key.js";
import { createAuthentication, type Authentication } from "./authentication.js";
import { registerControlRoutes } from "./control-routes.js";
import { applyFault } from "./apply-fault.js";
import { createFaults } from "./faults.js";
import { createHttpServer, sendOutcome, toApiRequest } from "./http-server.js";
import { type ApiResponse, type Operation, ApiError } from "./operation.js";
import { createRequestLog } from "./request-log.js";
import { createTokenExchange } from "./token-exchange.js";
import { createSdkOperations } from "./sdk-operations.js";
import { createTokenSigner } from "./token-signer.js";
import { createUserLookups } from "./user-lookups.js";
import { createUserOperations } from "./user-operations.js";
import { createUserStore } from "./user-store.js";
import { createHeldRequests } from "./held-requests.js";

export type SimulatorOptions = {
  /** 0, the default, means any free port. */
  port?: number;
  host?: string;
  /** The only accepted key; by default, any key in Vital's format is accepted. */
  apiKey?: string | undefined;
  /** How many users a sandbox team may have at the same time; no limit by default. */
  sandboxUserCap?: number | undefined;
  /** Whether sign-in tokens send the SDK for iOS to `http://localhost:8000` instead of Vital; by default they do not. */
  isForLocalSdk?: boolean | undefined;
  /** Clock, epoch milliseconds. */
  now?: () => number;
};

function runToResponse(
  operation: Operation,
  request: FastifyRequest,
  authentication: Authentication,
): ApiResponse {
  const { headers } = request;
  try {
    switch (operation.access) {
      case "open":
        return operation.run(toApiRequest(request));
      case "api-key":
        return operation.run(toApiRequest(request), authentication.getCaller(headers));
      case "api-key-or-access-token":
        return operation.run(toApiRequest(request), authentication.getScope(headers));
    }
  } catch (error) {
    // Anything else that is thrown is a bug of the simulator.
    if (!(error instanceof ApiError)) throw error;
    return { status: error.status, body: { detail: error.detail } };
  }
}

/** Returns a URL that can be opened as printed: a wildcard address is shown as loopback. */
function toUrl({ address, family, port }: AddressInfo): string {
  if (family === "IPv6") return `http://[${address === "::" ? "::1" : address}]:${port}`;
  return `http://${address === "0.0.0.0" ? "127.0.0.1" : address}:${port}`;
}

/**
 * Starts a local Vital: the user operations, the token exchange and the first calls of a signed-in SDK, with the statuses,
 * bodies and quirks of the real service, and a control API under `/__simulator`. All data is in memory and lost on `close`.
 *
 * @throws Error (such as `EADDRINUSE`) when it cannot listen; TypeError when `apiKey` is not in Vital's format.
 */
export async function startSimulator({
  port = 0,
  host = "127.0.0.1",
  apiKey,
  sandboxUserCap,
  isForLocalSdk = false,
  now = Date.now,
}: SimulatorOptions = {}): Promise<{ url: string; close: () => Promise<void> }> {
  if (apiKey !== undefined && toCaller(apiKey) === null) {
    throw new TypeError("apiKey must begin with sk_us_, sk_eu_, pk_us_ or pk_eu_");
  }
  const users = createUserStore({ now });
  const faults = createFaults();
  const log = createRequestLog({ now });
  const heldRequests = createHeldRequests();
  const signer = await createTokenSigner({ now });
  const authentication = createAuthentication({ signer, onlyKey: apiKey });
  const server = createHttpServer(log);

  const register = (operation: Operation, path: string) => {
    server.route({
      method: operation.method,
      url: path,
      ...(operation.maxBodyBytes !== undefined && { bodyLimit: operation.maxBodyBytes }),
      handler: async (request, reply) => {
        // Unlike Vital's router, Fastify's finds a route for an empty segment.
        if (Object.values(request.params as object).includes("")) {
          reply.callNotFound();
          return reply;
        }
        const recordStatus = log.record(operation.method, path, operation.name);
        const outcome = await applyFault(faults.takeMatching(operation.name), {
          work: () => runToResponse(operation, request, authentication),
          heldRequests,
          onDisconnect: (listener) => void request.raw.socket.once("close", listener),
        });
        if (typeof outcome === "object") recordStatus(outcome.status);
        return sendOutcome(reply, outcome);
      },
    });
  };

  const operations = [
    ...createUserOperations({ users, signer, now, sandboxUserCap: sandboxUserCap ?? null, isForLocalSdk }),
    ...createUserLookups({ users }),
    ...createSdkOperations({ users, now }),
    createTokenExchange({ users, signer }),
  ];
  for (const operation of operations) {
    for (const path of operation.paths) register(operation, path);
  }
  registerControlRoutes(server, { users, faults, log, heldRequests });

  await server.listen({ port, host });
  return {
    url: toUrl(server.server.address() as AddressInfo),
    async close() {
      heldRequests.releaseAll();
      await server.close();
    },
  };
}
