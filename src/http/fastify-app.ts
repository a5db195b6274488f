import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from "fastify";
import { createBrokenHttpRefusal } from "./client-error-handler.js";
import type { OverloadSampler } from "./overload.js";
import { overloadedError } from "./overload.js";
import { HttpProblem, toProblem, toRefusal, toResponseHead } from "./problem.js";

/** Fields and a constant phrase; never a header, a body or a variable of a query. */
export type Log = Record<
  "info" | "warn" | "error",
  (fields: Record<string, unknown>, phrase: string) => void
>;

/** Called once per request with the pattern of its route, never with its path. */
export type ObserveHttp = (route: string, status: number, seconds: number) => void;

export type HttpAppOptions = {
  log: Log;
  observeHttp?: ObserveHttp;
  /** Whose `X-Forwarded-*` is believed, as Fastify takes it; nobody's by default. */
  trustProxy?: FastifyServerOptions["trustProxy"];
  overload?: OverloadSampler;
  /** How long one request may take inside; a connection is silent for that long. */
  longestRequestMs?: number;
  /** How long one request may take to arrive. */
  longestArrivalMs?: number;
};

const healthPaths = new Set(["/livez", "/readyz"]);
/** All that is served here, but for what a dashboard does on its own pages. */
const servedMethods = ["GET", "POST"] as const;
const saneRequestId = /^[A-Za-z0-9._-]{1,128}$/;

const securityHeaders = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** The caller's own id, when it is fit for logs and headers, so that one id leads through all systems. */
const toRequestId = ({ headers }: IncomingMessage): string => {
  const given = headers["x-request-id"];
  return typeof given === "string" && saneRequestId.test(given) ? given : randomUUID();
};

/** RFC 9112 §3.2: required since HTTP/1.1. */
const lacksHost = ({ headers, httpVersion }: IncomingMessage): boolean =>
  headers.host === undefined && httpVersion !== "1.0";

/** Answers with `application/problem+json` and logs what the caller is not told. */
function createProblemSender(log: Log) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const refusal = toRefusal(error);
    const requestId = request.id;
    const problem = toProblem(refusal, requestId);
    const fields = { requestId, route: request.routeOptions.url, status: problem.status, code: problem.code };
    if (refusal === null) {
      problem.errorId = randomUUID();
      log.error({ ...fields, errorId: problem.errorId, err: error }, "unexpected error");
    } else {
      log.info({ ...fields, reason: "reason" in refusal ? refusal.reason : undefined }, "request refused");
    }
    const { status, headers } = toResponseHead(refusal);
    return reply
      .code(status)
      .headers({ ...securityHeaders, "x-request-id": requestId, ...headers })
      .type("application/problem+json")
      .send(JSON.stringify(problem));
  };
}

/**
 * Gives 405 with `Allow` where a path is served by another method, 404 elsewhere. The path is compared, not looked up
 * in the router: to that it would be a pattern, and a caller could write one that it throws at.
 */
function createNotServed(app: FastifyInstance): (url: string) => HttpProblem {
  const methodsOf = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = methodsOf.get(url) ?? new Set();
    methodsOf.set(url, methods);
    for (const served of [method].flat()) methods.add(served);
  });
  return (url) => {
    const methods = methodsOf.get(url.split("?", 1)[0] ?? url);
    const allowed = servedMethods.filter((method) => methods?.has(method));
    return allowed.length === 0
      ? new HttpProblem(404)
      : new HttpProblem(405, { headers: { allow: allowed.join(", ") } });
  };
}

/**
 * What every HTTP server of ours has in common: request ids, security headers, time-outs, refusals as problem
 * documents, shedding, one observation per request, and a close that lets requests in flight end.
 */
export function createHttpApp(options: HttpAppOptions): FastifyInstance {
  const { log, observeHttp, overload, longestRequestMs = 10_000, longestArrivalMs = 15_000 } = options;
  const sendProblem = createProblemSender(log);
  const app = fastify({
    logger: false,
    trustProxy: options.trustProxy ?? false,
    genReqId: toRequestId,
    requestIdHeader: false,
    bodyLimit: 64 * 1024,
    // Slow senders hold a connection no longer than this.
    requestTimeout: longestArrivalMs,
    http: {
      headersTimeout: Math.min(10_000, longestArrivalMs),
      // How often Node.js looks who is over these times; left at its 30 s, slow senders would get that much more.
      connectionsCheckingInterval: 1_000,
      // Node.js would refuse a request without Host by an empty answer: it is refused below, in our form.
      requireHostHeader: false,
    },
    // A silent connection, also one whose request is being worked on.
    connectionTimeout: longestRequestMs + 20_000,
    // Longer than the minute after which load balancers let go: the side that sends must be the one to close.
    keepAliveTimeout: 72_000,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
    clientErrorHandler: createBrokenHttpRefusal(log, securityHeaders),
  });

  // An expectation that we do not know may be ignored (RFC 9110 §10.1.1); Node.js would answer 417, empty.
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));

  let isClosing = false;
  app.addHook("onRequest", (request, reply, done) => {
    void reply.headers(securityHeaders).header("x-request-id", request.id);
    const isShed = overload?.isOverloaded() === true && !healthPaths.has(request.routeOptions.url ?? "");
    if (isShed) done(overloadedError());
    else
      done(
        lacksHost(request.raw) ? new HttpProblem(400, { detail: "The Host header is missing." }) : undefined,
      );
  });
  const toNotServed = createNotServed(app);
  // Before the body is read: what is not served need not be parsed.
  const refuseNotServed = (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void) => {
    done(request.is404 ? toNotServed(request.url) : undefined);
  };
  app.addHook("preParsing", (request, reply, _payload, done) => {
    refuseNotServed(request, reply, done);
  });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (isClosing) void reply.header("connection", "close");
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    observeHttp?.(request.routeOptions.url ?? "unmatched", reply.statusCode, reply.elapsedTime / 1000);
    done();
  });
  app.addHook("preClose", (done) => {
    isClosing = true;
    done();
  });
  app.addHook("onClose", (_app, done) => {
    overload?.close();
    done();
  });

  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw toNotServed(request.url);
  });
  return app;
}
