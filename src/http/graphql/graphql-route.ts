import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { GraphQLError, type GraphQLSchema } from "graphql";
import type { AppUserId } from "../../core/mapping/app-user-id.js";
import { withDeadline } from "../../core/deadline.js";
import { ServiceError } from "../../core/errors.js";
import type { Logger } from "../../telemetry/logger.js";
import { HttpProblem, toProblem } from "../problem.js";
import type { ReadClientAddress } from "../trusted-proxies.js";
import { createNegotiator, type ResponseType } from "./content-negotiation.js";
import type { PresentError, ViewerContext } from "./execution.js";
import { explorerPage, explorerPolicy } from "./explorer.js";
import { assertIdentityEncoding, readQueryParameters, type ParseJson } from "./graphql-request.js";
import { createOperationRunner, type Rejection } from "./operation-runner.js";

/**
 * Authenticates the caller by a list in which header names and values alternate: parsed headers would hide a second
 * `Authorization`. With `isSuspect`, a token that can be rejected without its signature is. Throws a `ServiceError` when
 * the caller is unknown or not permitted.
 */
type Authenticate = (
  rawHeaders: readonly string[],
  options: { isSuspect: boolean },
) => Promise<{ appUserId: AppUserId }>;

/** Limits invalid tokens by address. */
export type AuthFailureLimit = {
  /** Returns the error for further invalid tokens when an address has sent too many, otherwise `null`. */
  findError(address: string): Promise<ServiceError | null>;
  /** Counts one. */
  record(address: string): Promise<void>;
};

export type GraphqlRouteOptions = {
  schema: GraphQLSchema;
  authenticate: Authenticate;
  /** Returns the value of `WWW-Authenticate` for a rejected token. */
  challenge: (error: ServiceError) => string;
  /**
   * Whether `authenticate` threw the error because of an invalid token. A request without one is not counted: it costs
   * nothing, and the app must learn that it needs a token.
   */
  isInvalidToken: (error: unknown) => boolean;
  presentError: PresentError;
  log: Logger;
  /** Allows introspection, and serves an explorer to browsers at `GET /graphql`. */
  introspection?: boolean;
  /** The deadline of one whole request. The services observe it themselves; the route enforces it if they fail to. */
  deadlineMs?: number;
  authFailureLimit?: AuthFailureLimit;
  /** Returns the address by which invalid tokens are counted; that of the connection by default. */
  readClientAddress?: ReadClientAddress;
};

/** The property of a request that holds its viewer between authentication and execution. */
const viewerDecorator = "viewer";
type Viewer = ViewerContext["viewer"];

const path = "/graphql";
const bodyLimitBytes = 64 * 1024;
/** How long after the services' own deadline the route ends a request. */
const slackMs = 500;
const rejectedMethods = ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] as const;

const toErrorBody = (errors: Rejection["errors"]) => JSON.stringify({ errors });

/**
 * The status of a request that was rejected before anything ran. Under the older media type, a document that does not
 * parse or validate, or whose variables are invalid, gets 200 (GraphQL over HTTP, "application/json"): with that type, a
 * caller cannot distinguish other statuses from those of a proxy.
 */
const toRejectionStatus = (status: number, code: string, responseType: ResponseType): number =>
  status === 400 && code !== "BAD_REQUEST" && responseType === "application/json" ? 200 : status;

/**
 * Creates the hook that authenticates a request before its body is read. With a limit, it counts the invalid tokens of
 * each address. Over the limit, further invalid tokens of the address get the error of the limit. A valid token is always
 * accepted: many people can share one address with a client that sends invalid ones.
 */
function createAuthentication(options: GraphqlRouteOptions, deadlineMs: number) {
  const {
    authenticate,
    isInvalidToken,
    authFailureLimit,
    readClientAddress = (address = "") => address,
  } = options;
  const toTimeout = () =>
    new ServiceError("AUTH_UNAVAILABLE", { reason: "authentication exceeded the deadline" });

  return async (request: FastifyRequest): Promise<void> => {
    const { raw } = request;
    const address = readClientAddress(raw.socket.remoteAddress, raw.headers["x-forwarded-for"]);
    const limitError = (await authFailureLimit?.findError(address)) ?? null;
    try {
      const authenticated = authenticate(raw.rawHeaders, { isSuspect: limitError !== null });
      const viewer: Viewer = await withDeadline(authenticated, deadlineMs, toTimeout);
      request.setDecorator(viewerDecorator, viewer);
    } catch (error) {
      if (!isInvalidToken(error)) throw error;
      if (limitError !== null) throw limitError;
      await authFailureLimit?.record(address);
      throw error;
    }
  };
}

/** Creates a parser that rejects the same JSON as Fastify's parser of request bodies. */
function createJsonParser(app: FastifyInstance): ParseJson {
  const parse = app.getDefaultJsonParser("error", "error");
  return (text) => {
    let result: unknown;
    // The parser calls back synchronously.
    void parse({} as FastifyRequest, text, (error, value) => {
      if (error !== null) throw error;
      result = value;
    });
    return result;
  };
}

/** Creates the handler of requests that fail before Apollo sees them: it sends a GraphQL error in the requested type. */
function createErrorHandler(
  { presentError, challenge, log }: GraphqlRouteOptions,
  toResponseType: (request: FastifyRequest) => ResponseType | null,
) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const { origin, status, detail, headers } = toProblem(error);
    const code = "BAD_REQUEST";
    const isHttpProblem = origin === "http";
    if (isHttpProblem) log.info({ requestId: request.id, route: path, status, code }, "request rejected");
    const shown = isHttpProblem ? new GraphQLError(detail, { extensions: { code } }) : error;
    const isChallenged = error instanceof ServiceError && (status === 401 || status === 403);
    if (isChallenged) void reply.header("www-authenticate", challenge(error));
    return reply
      .code(status)
      .headers(headers)
      .type(`${toResponseType(request) ?? "application/json"}; charset=utf-8`)
      .send(toErrorBody([presentError(shown, request.id)]));
  };
}

/** Whether a browser asks for the page, rather than a client for the result of a query. */
const isPageRequest = ({ headers, query }: FastifyRequest): boolean =>
  headers.accept?.includes("text/html") === true && (query as { query?: unknown }).query === undefined;

const sendExplorer = (reply: FastifyReply): FastifyReply =>
  reply
    .headers({ "content-security-policy": explorerPolicy })
    .type("text/html; charset=utf-8")
    .send(explorerPage);

/** The response depends on these headers of the request. It is not stored anyway (`no-store`). */
const addVary = (reply: FastifyReply): FastifyReply =>
  reply.header("vary", [reply.getHeader("vary") ?? [], "Accept", "Authorization"].flat().join(", "));

/** Creates the function that runs the operation of an authenticated request and sends the result. */
function createResponder(
  options: GraphqlRouteOptions & { deadlineMs: number },
  operations: ReturnType<typeof createOperationRunner>,
  toResponseType: (request: FastifyRequest) => ResponseType | null,
) {
  return async (request: FastifyRequest, reply: FastifyReply, body: unknown, isReadOnly: boolean) => {
    const responseType = toResponseType(request);
    if (responseType === null) throw new HttpProblem("NOT_ACCEPTABLE");
    const viewer = request.getDecorator<Viewer | null>(viewerDecorator);
    if (viewer === null) throw new Error("The request was not authenticated.");
    const deadlineAtMs = performance.now() - reply.elapsedTime + options.deadlineMs + slackMs;

    const context = { viewer, requestId: request.id, deadlineAtMs, isReadOnly };
    const outcome = await operations.run(body, context);
    void reply.type(`${responseType}; charset=utf-8`);
    if (typeof outcome === "string") return outcome;
    const code = outcome.errors[0]?.extensions.code ?? "";
    const status = toRejectionStatus(outcome.status, code, responseType);
    if (status === 405) void reply.header("allow", "POST");
    return reply.code(status).send(toErrorBody(outcome.errors));
  };
}

/**
 * Serves `/graphql` (GraphQL over HTTP): operations by POST, queries by GET, and with `introspection` an explorer to
 * browsers. A query by GET needs the same authentication. Another site cannot send it: it would have to set
 * `Authorization`, which browsers allow only to configured origins.
 *
 * Responses with errors that were thrown while an operation ran have status 200. A request that is rejected earlier gets
 * the status of its error. Every error has `code`, `retryable` and `requestId` in its extensions.
 */
export function registerGraphqlRoute(app: FastifyInstance, options: GraphqlRouteOptions): void {
  const { introspection = false, deadlineMs = 10_000 } = options;
  const operations = createOperationRunner({ ...options, introspection });
  const negotiate = createNegotiator();
  const toResponseType = (request: FastifyRequest) => negotiate(request.headers.accept);
  const authenticate = createAuthentication(options, deadlineMs);
  const respond = createResponder({ ...options, deadlineMs }, operations, toResponseType);
  const parseJson = createJsonParser(app);

  const rejectMethod = () => {
    throw new HttpProblem("METHOD_NOT_ALLOWED", {
      detail: "Send queries by GET or POST, mutations by POST.",
      headers: { allow: "GET, POST" },
    });
  };

  void app.register((scope, _options, done) => {
    scope.decorateRequest(viewerDecorator, null);
    scope.setErrorHandler(createErrorHandler(options, toResponseType));
    scope.addHook("onReady", operations.start);
    scope.addHook("onClose", operations.stop);
    // JSON only: an HTML form of another site can send text/plain without a preflight.
    scope.removeContentTypeParser("text/plain");

    scope.post(
      path,
      {
        bodyLimit: bodyLimitBytes,
        async onRequest(request) {
          await authenticate(request);
          assertIdentityEncoding(request.headers);
        },
      },
      (request, reply) => respond(request, reply, request.body, false),
    );
    scope.route({
      method: [...rejectedMethods],
      url: path,
      onRequest: rejectMethod,
      handler: rejectMethod,
    });
    scope.get(path, {
      exposeHeadRoute: false,
      async onRequest(request, reply) {
        addVary(reply);
        if (introspection && isPageRequest(request)) return sendExplorer(reply);
        await authenticate(request);
      },
      handler: (request, reply) =>
        respond(request, reply, readQueryParameters(request.query, parseJson), true),
    });
    done();
  });
}
