import {
  ApolloServer,
  HeaderMap,
  type ApolloServerPlugin,
  type GraphQLRequestListener,
  type GraphQLResponse,
} from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from "@apollo/server/plugin/disabled";
import {
  execute,
  OperationTypeNode,
  type FormattedExecutionResult,
  type GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from "graphql";
import type { AppUserId } from "../../core/app-user-id.js";
import { ServiceError } from "../../core/errors.js";
import type { Log } from "../http-app.js";
import { maxLexicalTokens } from "./admission.js";
import { withDeadline } from "../deadline.js";

/** What resolvers are given. */
export type ViewerContext = {
  viewer: { appUserId: AppUserId };
  requestId: string;
  /** When the answer must be on its way, on the clock of `performance.now()`. */
  deadlineAtMs: number;
};

/** Turns whatever was thrown into a GraphQL error of the service. */
export type PresentError = (
  error: unknown,
  requestId: string,
) => GraphQLFormattedError & { extensions: { code: string; retryAfterSeconds?: number } };

const maxErrors = 3;

/** A query reads our own storage; a mutation waits for Vital. */
const toOverdue = (operation: OperationTypeNode) =>
  new ServiceError(operation === OperationTypeNode.MUTATION ? "VITAL_UNAVAILABLE" : "SERVICE_UNAVAILABLE", {
    reason: "execution past the deadline",
  });

const answer = (singleResult: FormattedExecutionResult, status?: number): GraphQLResponse => ({
  http: { ...(status !== undefined && { status }), headers: new HeaderMap() },
  body: { kind: "single", singleResult },
});

/** Variables that do not fit: nothing has run. */
const toUnfit = (errors: readonly GraphQLError[]): GraphQLFormattedError[] =>
  errors.map((error) => ({ ...error.toJSON(), extensions: { code: "BAD_USER_INPUT" } }));

/** A kind of operation that the schema has no fields for; graphql-js would only say so as a failed execution. */
const toNotServed = (operation: OperationTypeNode): GraphQLFormattedError => ({
  message: `No ${operation} is served here.`,
  extensions: { code: "OPERATION_RESOLUTION_FAILURE" },
});

/**
 * Executes operations in Apollo's place. Apollo would negotiate the media type twice and wrap the result for
 * incremental delivery; besides, only here is the request id at hand when an error is presented.
 *
 * An answer without a status is the outcome of an execution, its errors presented; one with a status is a refusal
 * of the request, as Apollo's own are.
 */
function createExecution(presentError: PresentError): ApolloServerPlugin<ViewerContext> {
  const responseForOperation: GraphQLRequestListener<ViewerContext>["responseForOperation"] = async ({
    schema,
    document,
    operation,
    request,
    contextValue,
  }) => {
    // Apollo says it itself when none of the operations is the one that was named.
    if ((operation as typeof operation | undefined) === undefined) return null;
    const { requestId, deadlineAtMs } = contextValue;
    if ((schema.getRootType(operation.operation) ?? null) === null) {
      return answer({ errors: [toNotServed(operation.operation)] }, 400);
    }
    try {
      const execution = execute({
        schema,
        document,
        contextValue,
        variableValues: request.variables ?? null,
        operationName: request.operationName ?? null,
        options: { maxCoercionErrors: maxErrors },
      });
      const { data, errors } = await withDeadline(execution, deadlineAtMs - performance.now(), () =>
        toOverdue(operation.operation),
      );
      if (data === undefined) return answer({ errors: toUnfit(errors ?? []) }, 400);
      if (errors === undefined) return answer({ data });
      return answer({ data, errors: errors.map((error) => presentError(error, requestId)) });
    } catch (error) {
      return answer({ data: null, errors: [presentError(error, requestId)] });
    }
  };
  const listener = { responseForOperation };
  return { requestDidStart: () => Promise.resolve(listener) };
}

/** Apollo with everything said: what it does by default follows `NODE_ENV` and the environment, and leaks. */
export function createApollo(options: {
  schema: GraphQLSchema;
  introspection: boolean;
  presentError: PresentError;
  log: Log;
}): ApolloServer<ViewerContext> {
  const { schema, introspection, presentError, log } = options;
  return new ApolloServer<ViewerContext>({
    schema,
    introspection,
    nodeEnv: "production",
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: true,
    // The route lets application/json through and nothing that a form could send; this stands behind it.
    csrfPrevention: {
      requestHeaders: ["x-apollo-operation-name", "apollo-require-preflight", "graphql-require-preflight"],
    },
    persistedQueries: false,
    allowBatchedHttpRequests: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxLexicalTokens },
    validationOptions: { maxErrors },
    stringifyResult: (result) => JSON.stringify(result),
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: (detail: unknown) => {
        log.warn({ detail }, "apollo warned");
      },
      error: (detail: unknown) => {
        log.error({ detail }, "apollo failed");
      },
    },
    plugins: [
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      createExecution(presentError),
    ],
  });
}
