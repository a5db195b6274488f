import {
  ApolloServer,
  HeaderMap,
  type ApolloServerPlugin,
  type GraphQLRequestListener,
} from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from "@apollo/server/plugin/disabled";
import type { GraphQLSchema } from "graphql";
import type { Log } from "../fastify-app.js";
import { maxLexicalTokens } from "./admission.js";
import { maxErrors, type ExecuteOperation, type ViewerContext } from "./execution.js";
import type { KnownDocuments } from "./document-cache.js";

/**
 * Runs operations in Apollo's place, which has found their documents valid: it would negotiate the media type twice
 * and wrap the result for incremental delivery; besides, only here is the request id at hand when an error is
 * presented.
 */
function createExecutionPlugin(
  executeOperation: ExecuteOperation,
  knownDocuments: KnownDocuments,
): ApolloServerPlugin<ViewerContext> {
  const responseForOperation: GraphQLRequestListener<ViewerContext>["responseForOperation"] = async ({
    document,
    source,
    operation,
    request,
    contextValue,
  }) => {
    // Apollo says it itself when none of the operations is the one that was named.
    if ((operation as typeof operation | undefined) === undefined) return null;
    knownDocuments.add(source, document);
    const { operationName = null, variables = null } = request;
    const { status, result } = await executeOperation(
      { document, operation, operationName, variables },
      contextValue,
    );
    return {
      http: { ...(status !== undefined && { status }), headers: new HeaderMap() },
      body: { kind: "single", singleResult: result },
    };
  };
  const listener = { responseForOperation };
  return { requestDidStart: () => Promise.resolve(listener) };
}

/** Apollo with everything said: what it does by default follows `NODE_ENV` and the environment, and leaks. */
export function createApollo(options: {
  schema: GraphQLSchema;
  introspection: boolean;
  executeOperation: ExecuteOperation;
  knownDocuments: KnownDocuments;
  log: Log;
}): ApolloServer<ViewerContext> {
  const { schema, introspection, executeOperation, knownDocuments, log } = options;
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
      createExecutionPlugin(executeOperation, knownDocuments),
    ],
  });
}
