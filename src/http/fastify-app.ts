import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "../telemetry/logger.js";
import { createClientErrorHandler } from "./client-error-handler.js";
import { registerCors, type CorsSettings } from "./cors.js";
import { createOverloadedError, type OverloadSampler } from "./overload.js";
import { parseIpAddress } from "./ip-address.js";
import { HttpProblem, sendProblem, toProblem } from "./problem.js";
import type { IsTrustedProxy } from "./trusted-proxies.js";

/** Called once per request with the pattern of its route, never with its path. */
type ObserveHttp = (route: string, status: number, seconds: number) => void;

export type FastifyAppOptions = {
  log: Logger;
  observeHttp?: ObserveHttp;
  /** Says which proxies' `X-Forwarded-Host` and `X-Forwarded-Proto` are trusted; none by default. */
  isTrustedProxy?: IsTrustedProxy;
  overload?: OverloadSampler;
  /** The web apps that may call; none by default. */
  cors?: CorsSettings;
  /** The longest time from a request to its response. Its connection may carry no traffic for that long. */
  longestRequestMs?: number;
  /** The longest time in which one request must arrive completely. */
  longestArrivalMs?: number;
  /**
   * How long a connection stays open after a response; 72 s by default. Responses contain it in `Keep-Alive`. It must be
   * longer than the idle timeout of the load balancer in front: if this side closes first, a request that is already on
   * its way is lost.
   */
  keepAliveMs?: number;
};

const healthPaths = new Set(["/livez", "/readyz"]);
/** The methods that `Allow` can list here. The dashboard and the event ingress also serve others. */
const listedMethods = ["GET", "POST"] as const;
const validRequestId = /^[A-Za-z0-9._-]{1,128}$/;

const securityHeaders = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Keeps the caller's id if it is safe in logs and headers, so that one id identifies the request in all systems. */
const toRequestId = ({ headers }: IncomingMessage): string => {
  const requestId = headers["x-request-id"];
  return typeof requestId === "string" && validRequestId.test(requestId) ? requestId : randomUUID();
};

/** HTTP/1.1 requires the Host header (RFC 9112 §3.2). */
const lacksHost = ({ headers, httpVersion }: IncomingMessage): boolean =>
  headers.host === undefined && httpVersion !== "1.0";

/** Creates the handler that responds with `application/problem+json` and logs the details that the caller does not see. */
function createErrorHandler(log: Logger) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const problem = toProblem(error);
    const { status, code, reason, errorId } = problem;
    const fields = { requestId: request.id, route: request.routeOptions.url, status, code };
    if (problem.origin === "bug") log.error({ ...fields, errorId, err: error }, "unexpected error");
    else log.info({ ...fields, reason }, "request rejected");
    return sendProblem(reply.headers({ ...securityHeaders, "x-request-id": request.id }), problem);
  };
}

/**
 * Creates the function that returns a 405 problem with `Allow` if the path has a route for another method, and a 404
 * problem otherwise. It compares the path with the routes instead of looking it up in the router, which would interpret
 * the path as a pattern and throw for some paths.
 */
function createNotServedProblem(app: FastifyInstance): (url: string) => HttpProblem {
  const methodsByPath = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = methodsByPath.get(url) ?? new Set();
    methodsByPath.set(url, methods);
    for (const served of [method].flat()) methods.add(served);
  });
  return (url) => {
    const path = url.split("?", 1)[0] ?? url;
    const methods = methodsByPath.get(path) ?? methodsByPath.get(path.replace(/\/$/, ""));
    const allowed = listedMethods.filter((method) => methods?.has(method));
    return allowed.length === 0
      ? new HttpProblem("NOT_FOUND")
      : new HttpProblem("METHOD_NOT_ALLOWED", { headers: { allow: allowed.join(", ") } });
  };
}

/** Sets the headers of every response. */
function addCommonHeaders(app: FastifyInstance): void {
  app.addHook("onRequest", (request, reply, done) => {
    void reply.headers(securityHeaders).header("x-request-id", request.id);
    done();
  });
}

/** Rejects requests that can be rejected before their body is read. */
function addRequestChecks(app: FastifyInstance, overload: OverloadSampler | undefined): void {
  app.addHook("onRequest", (request, _reply, done) => {
    const isShed = overload?.isOverloaded() === true && !healthPaths.has(request.routeOptions.url ?? "");
    if (isShed) done(createOverloadedError());
    else if (lacksHost(request.raw))
      done(new HttpProblem("BAD_REQUEST", { detail: "The Host header is missing." }));
    else done();
  });
  const toNotServed = createNotServedProblem(app);
  // Rejects a request without a route before its body is parsed.
  app.addHook("preParsing", (request, _reply, _payload, done) => {
    done(request.is404 ? toNotServed(request.url) : null);
  });
  app.setNotFoundHandler((request) => {
    throw toNotServed(request.url);
  });
}

/** Makes every response close its connection while the server is closing. */
function closeConnectionsOnShutdown(app: FastifyInstance): void {
  let isClosing = false;
  app.addHook("preClose", (done) => {
    isClosing = true;
    done();
  });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (isClosing) void reply.header("connection", "close");
    done();
  });
}

/**
 * Creates the Fastify app that all HTTP servers of the product are based on: request ids, security headers, timeouts,
 * problem details for rejected requests, load shedding, one observation per request, and a close that lets requests in
 * flight finish.
 */
export function createFastifyApp(options: FastifyAppOptions): FastifyInstance {
  const { log, observeHttp, overload } = options;
  const { longestRequestMs = 10_000, longestArrivalMs = 15_000, keepAliveMs = 72_000 } = options;
  const handleError = createErrorHandler(log);
  const app = fastify({
    logger: false,
    // Fastify only asks about the connection, for the host and the scheme. It would read the address of a client from the
    // wrong entry; `createClientAddressReader` reads that.
    trustProxy: (address, hop) =>
      hop === 0 && options.isTrustedProxy?.(parseIpAddress(address) ?? address, hop) === true,
    genReqId: toRequestId,
    requestIdHeader: false,
    bodyLimit: 64 * 1024,
    // `/graphql/` is `/graphql`: many clients and settings add a slash.
    routerOptions: { ignoreTrailingSlash: true },
    // Limits how long a slow sender can hold a connection.
    requestTimeout: longestArrivalMs,
    http: {
      headersTimeout: Math.min(10_000, longestArrivalMs),
      // How often Node.js enforces these timeouts. With its default of 30 s, they could end up to 30 s late.
      connectionsCheckingInterval: 1_000,
      // Node.js would send an empty response to a request without Host; our `onRequest` hook sends problem details.
      requireHostHeader: false,
    },
    // For a connection without traffic, which includes one whose request is in progress.
    connectionTimeout: longestRequestMs + 20_000,
    keepAliveTimeout: keepAliveMs,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply),
    clientErrorHandler: createClientErrorHandler(log, securityHeaders),
  });

  // An unknown expectation may be ignored (RFC 9110 §10.1.1); Node.js would respond with an empty 417.
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));

  app.setErrorHandler(handleError);
  addCommonHeaders(app);
  if (options.cors !== undefined) registerCors(app, { ...options.cors, log });
  addRequestChecks(app, overload);
  closeConnectionsOnShutdown(app);
  app.addHook("onResponse", (request, reply, done) => {
    observeHttp?.(request.routeOptions.url ?? "unmatched", reply.statusCode, reply.elapsedTime / 1000);
    done();
  });
  app.addHook("onClose", (_app, done) => {
    overload?.close();
    done();
  });
  return app;
}
