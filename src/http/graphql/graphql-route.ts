import { HeaderMap } from "@apollo/server";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { GraphQLError, type FormattedExecutionResult, type GraphQLSchema } from "graphql";
import type { AppUserId } from "../../core/mapping/app-user-id.js";
import { ServiceError } from "../../core/errors.js";
import type { Log } from "../fastify-app.js";
import { HttpProblem, toRefusal, toResponseHead } from "../problem.js";
import { withDeadline } from "../deadline.js";
import { findAdmissionProblem } from "./admission.js";
import { createApollo } from "./apollo.js";
import { createExecution, type Operation, type PresentError, type ViewerContext } from "./execution.js";
import { explorerPage, explorerPolicy } from "./explorer.js";
import { createKnownDocuments } from "./document-cache.js";
import { createNegotiator, type ResponseType } from "./content-negotiation.js";

/**
 * Tells who is calling, from header names and values in turn: parsed headers would hide a second `Authorization`.
 * Throws `ServiceError` when nobody is, or nobody who may.
 */
export type Authenticate = (rawHeaders: readonly string[]) => Promise<{ appUserId: AppUserId }>;

/** Turns an address away that has failed too often lately: `check` throws `RATE_LIMITED`, `record` counts. */
export type AuthFailureLimit = {
  check(address: string): Promise<void>;
  record(address: string): Promise<void>;
};

export type GraphqlRouteOptions = {
  schema: GraphQLSchema;
  authenticate: Authenticate;
  /** Gives the value of `WWW-Authenticate` for a refusal. */
  challenge: (error: ServiceError) => string;
  presentError: PresentError;
  log: Log;
  /** Also serves an explorer to browsers at `GET /graphql`. */
  introspection?: boolean;
  /** One whole request; the services keep a deadline of their own, this is the guard behind it. */
  deadlineMs?: number;
  authFailureLimit?: AuthFailureLimit;
};

/** Where the viewer of a request is kept between its authentication and its execution. */
const viewerDecorator = "viewer";
type Viewer = ViewerContext["viewer"];

const path = "/graphql";
const bodyLimitBytes = 64 * 1024;
/** How much later than the services' own deadline the guard strikes. */
const slackMs = 500;
const refusedMethods = ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] as const;
/** All that Apollo has to know of the headers: the route took nothing but JSON, and negotiates itself. */
const apolloHeaders = new HeaderMap([["graphql-require-preflight", "true"]]);

type Refusal = { status: number; errors: ReturnType<PresentError>[] };

const toErrorBody = (errors: Refusal["errors"]) => JSON.stringify({ errors });

/** HTTP's own refusals under the name that Apollo has for them. */
const toBadRequest = (problem: HttpProblem) =>
  new GraphQLError(problem.message, { extensions: { code: "BAD_REQUEST" } });

/**
 * The status of a request that was refused before anything ran. Under the older media type a document that does
 * not parse, validate or get its variables is answered with 200 (GraphQL over HTTP, "application/json"): there, a
 * caller cannot tell other statuses from those of a proxy in between.
 */
const toRefusalStatus = (status: number, code: string, responseType: ResponseType): number =>
  status === 400 && code !== "BAD_REQUEST" && responseType === "application/json" ? 200 : status;

/** Apollo's refusals carry a message and a code; the rest is put in here, where the request id is known. */
function presentRefused(body: string, presentError: PresentError, requestId: string): Refusal["errors"] {
  const { errors = [] } = JSON.parse(body) as FormattedExecutionResult;
  return errors.map(({ message, locations, extensions }) => ({
    ...presentError(new GraphQLError(message, { extensions: { ...extensions } }), requestId),
    ...(locations && { locations }),
  }));
}

/** Authenticates once per request, ahead of its body; what fails is counted by address where a limit is set. */
function createAuthentication(options: GraphqlRouteOptions, deadlineMs: number) {
  const { authenticate, authFailureLimit } = options;
  const toLate = () => new ServiceError("AUTH_UNAVAILABLE", { reason: "authentication past the deadline" });

  return async (request: FastifyRequest): Promise<void> => {
    await authFailureLimit?.check(request.ip);
    try {
      const viewer: Viewer = await withDeadline(authenticate(request.raw.rawHeaders), deadlineMs, toLate);
      request.setDecorator(viewerDecorator, viewer);
    } catch (error) {
      const isBadToken = error instanceof ServiceError && error.code === "UNAUTHENTICATED";
      if (isBadToken) await authFailureLimit?.record(request.ip);
      throw error;
    }
  };
}

/** Answers what is refused before Apollo sees it, in the form of GraphQL and in the media type that is asked for. */
function createErrorHandler(
  { presentError, challenge, log }: GraphqlRouteOptions,
  toResponseType: (request: FastifyRequest) => ResponseType | null,
) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const refusal = toRefusal(error);
    const { status, headers } = toResponseHead(refusal);
    const presented = presentError(
      refusal instanceof HttpProblem ? toBadRequest(refusal) : error,
      request.id,
    );
    const { code, retryAfterSeconds } = presented.extensions;
    if (refusal instanceof HttpProblem) {
      log.info({ requestId: request.id, route: path, status, code }, "request refused");
    }
    if (retryAfterSeconds !== undefined) void reply.header("retry-after", String(retryAfterSeconds));
    const isChallenged = status === 401 || (status === 403 && refusal instanceof ServiceError);
    if (isChallenged) void reply.header("www-authenticate", challenge(refusal as ServiceError));
    return reply
      .code(status)
      .headers(headers)
      .type(`${toResponseType(request) ?? "application/json"}; charset=utf-8`)
      .send(toErrorBody([presented]));
  };
}

/**
 * Runs the operation of a request. Apollo parses and validates a document that comes for the first time; one that has
 * passed is run at once when it comes again. What is refused on the way gets the request id here.
 */
function createOperationRunner({ schema, introspection = false, presentError, log }: GraphqlRouteOptions) {
  const executeOperation = createExecution({ schema, presentError });
  const knownDocuments = createKnownDocuments();
  const apollo = createApollo({ schema, introspection, executeOperation, knownDocuments, log });

  async function runKnown(operation: Operation, context: ViewerContext): Promise<string | null> {
    const { status, result } = await executeOperation(operation, context);
    // Nothing has run: Apollo's words for it are the ones that callers know.
    if (status !== undefined) return null;
    const { errors, data } = result;
    return JSON.stringify({ errors, data });
  }

  async function runUnknown(body: unknown, context: ViewerContext): Promise<string | Refusal> {
    const { requestId } = context;
    const query = (body as { query?: unknown } | null)?.query;
    const problem = typeof query === "string" ? findAdmissionProblem(query) : null;
    if (problem !== null) return { status: 400, errors: [presentError(problem, requestId)] };

    const answer = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method: "POST", headers: apolloHeaders, body, search: "" },
      context: () => Promise.resolve(context),
    });
    if (answer.body.kind !== "complete") throw new Error("Nothing here is delivered in parts.");
    if (answer.status === undefined) return answer.body.string;
    const errors = presentRefused(answer.body.string, presentError, requestId);
    log.info({ requestId, status: answer.status, code: errors[0]?.extensions.code }, "request refused");
    return { status: answer.status, errors };
  }

  return {
    start: () => apollo.start(),
    stop: () => apollo.stop(),
    async run(body: unknown, context: ViewerContext): Promise<string | Refusal> {
      const operation = knownDocuments.find(body);
      const answer = operation === null ? null : await runKnown(operation, context);
      return answer ?? runUnknown(body, context);
    },
  };
}

/**
 * Serves `POST /graphql` (GraphQL over HTTP), and with `introspection` an explorer to browsers at `GET /graphql`.
 *
 * Errors raised while an operation runs are answered with 200; whatever is refused before has its own status, and
 * every error carries `code`, `retryable` and `requestId` in its extensions.
 */
export function registerGraphqlRoute(app: FastifyInstance, options: GraphqlRouteOptions): void {
  const { introspection = false, deadlineMs = 10_000 } = options;
  const operations = createOperationRunner(options);
  const negotiate = createNegotiator();
  const toResponseType = (request: FastifyRequest) => negotiate(request.headers.accept);
  const allow = introspection ? "GET, POST" : "POST";

  const refuseMethod = () => {
    throw new HttpProblem(405, {
      detail: "Operations are sent by POST.",
      headers: { allow },
    });
  };

  void app.register((scope, _options, done) => {
    scope.decorateRequest(viewerDecorator, null);
    scope.setErrorHandler(createErrorHandler(options, toResponseType));
    scope.addHook("onReady", operations.start);
    scope.addHook("onClose", operations.stop);
    // Nothing but JSON: a form of another site could send text/plain without a preflight.
    scope.removeContentTypeParser("text/plain");

    const authenticateRequest = createAuthentication(options, deadlineMs);
    scope.post(
      path,
      { onRequest: authenticateRequest, bodyLimit: bodyLimitBytes },
      async (request, reply) => {
        const responseType = toResponseType(request);
        if (responseType === null) throw new HttpProblem(406);
        const requestId = request.id;
        const viewer = request.getDecorator<Viewer | null>(viewerDecorator);
        if (viewer === null) throw new Error("The request was not authenticated.");
        const deadlineAtMs = performance.now() - reply.elapsedTime + deadlineMs + slackMs;

        const outcome = await operations.run(request.body, { viewer, requestId, deadlineAtMs });
        void reply.type(`${responseType}; charset=utf-8`);
        if (typeof outcome === "string") return outcome;
        const code = outcome.errors[0]?.extensions.code ?? "";
        return reply
          .code(toRefusalStatus(outcome.status, code, responseType))
          .send(toErrorBody(outcome.errors));
      },
    );

    scope.route({ method: [...refusedMethods], url: path, onRequest: refuseMethod, handler: refuseMethod });
    scope.get(path, { exposeHeadRoute: false }, (request, reply) => {
      if (!introspection || request.headers.accept?.includes("text/html") !== true) return refuseMethod();
      return reply
        .headers({ "content-security-policy": explorerPolicy })
        .type("text/html; charset=utf-8")
        .send(explorerPage);
    });
    done();
  });
}
