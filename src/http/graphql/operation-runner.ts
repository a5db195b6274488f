import { HeaderMap } from "@apollo/server";
import { GraphQLError, type FormattedExecutionResult, type GraphQLSchema } from "graphql";
import type { Logger } from "../../telemetry/logger.js";
import { createApollo } from "./apollo.js";
import { createDocumentCache } from "./document-cache.js";
import { checkLimits } from "./document-limits.js";
import { createExecution, type Operation, type PresentError, type ViewerContext } from "./execution.js";
import { findMissingQuery } from "./graphql-request.js";

/** A request that was rejected before its operation ran. */
export type Rejection = { status: number; errors: ReturnType<PresentError>[] };

/** All headers that Apollo needs: the route accepts JSON only, and negotiates the response type itself. */
const apolloHeaders = new HeaderMap([["graphql-require-preflight", "true"]]);

/** Adds the extensions that Apollo's errors lack, such as the request id. */
function presentApolloErrors(
  body: string,
  presentError: PresentError,
  requestId: string,
): Rejection["errors"] {
  const { errors = [] } = JSON.parse(body) as FormattedExecutionResult;
  return errors.map(({ message, locations, extensions }) => ({
    ...presentError(new GraphQLError(message, { extensions: { ...extensions } }), requestId),
    ...(locations && { locations }),
  }));
}

/**
 * Creates the runner for the operations of requests. Apollo parses and validates documents that are not in the cache;
 * operations of cached documents run without Apollo.
 */
export function createOperationRunner({
  schema,
  introspection,
  presentError,
  log,
}: {
  schema: GraphQLSchema;
  introspection: boolean;
  presentError: PresentError;
  log: Logger;
}) {
  const executeOperation = createExecution({ schema, presentError });
  const documents = createDocumentCache();
  const apollo = createApollo({ schema, introspection, executeOperation, documents, log });

  async function runCached(operation: Operation, context: ViewerContext): Promise<string | null> {
    const { status, result } = await executeOperation(operation, context);
    // Nothing has run. Apollo rejects the request, so that the response is the same as for an uncached document.
    if (status !== undefined) return null;
    const { errors, data } = result;
    return JSON.stringify({ errors, data });
  }

  function findProblem(body: unknown): GraphQLError | null {
    const query = (body as { query?: unknown } | null)?.query;
    return typeof query === "string" && query !== "" ? checkLimits(query) : findMissingQuery(body);
  }

  async function runInApollo(body: unknown, context: ViewerContext): Promise<string | Rejection> {
    const { requestId } = context;
    const problem = findProblem(body);
    if (problem !== null) return { status: 400, errors: [presentError(problem, requestId)] };

    const response = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method: "POST", headers: apolloHeaders, body, search: "" },
      context: () => Promise.resolve(context),
    });
    if (response.body.kind !== "complete") throw new Error("Incremental delivery is not supported.");
    if (response.status === undefined) return response.body.string;
    const errors = presentApolloErrors(response.body.string, presentError, requestId);
    return { status: response.status, errors };
  }

  return {
    start: () => apollo.start(),
    stop: () => apollo.stop(),

    /** Runs the operation of a request body. Returns the response body, or why nothing has run. */
    async run(body: unknown, context: ViewerContext): Promise<string | Rejection> {
      const operation = documents.find(body);
      const cached = operation === null ? null : await runCached(operation, context);
      const outcome = cached ?? (await runInApollo(body, context));
      if (typeof outcome === "string") return outcome;
      const { status, errors } = outcome;
      const code = errors[0]?.extensions.code;
      log.info({ requestId: context.requestId, status, code }, "request rejected");
      return outcome;
    },
  };
}
