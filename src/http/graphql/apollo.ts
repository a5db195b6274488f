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
import type { Logger } from "../../telemetry/logger.js";
import type { DocumentCache } from "./document-cache.js";
import { maxLexicalTokens } from "./document-limits.js";
import { maxErrors, type ExecuteOperation, type ViewerContext } from "./execution.js";

/**
 * Creates the plugin that executes an operation after Apollo has validated its document. Apollo's own execution would
 * negotiate the media type again, wrap the result for incremental delivery, and present errors without a request id.
 */
function createExecutionPlugin(
  executeOperation: ExecuteOperation,
  documents: DocumentCache,
): ApolloServerPlugin<ViewerContext> {
  const responseForOperation: GraphQLRequestListener<ViewerContext>["responseForOperation"] = async ({
    document,
    source,
    operation,
    request,
    contextValue,
  }) => {
    // No operation has the requested name; Apollo reports that.
    if ((operation as typeof operation | undefined) === undefined) return null;
    documents.add(source, document);
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

/** Creates an Apollo Server with every option set: the defaults depend on environment variables, and some leak details. */
export function createApollo(options: {
  schema: GraphQLSchema;
  introspection: boolean;
  executeOperation: ExecuteOperation;
  documents: DocumentCache;
  log: Logger;
}): ApolloServer<ViewerContext> {
  const { schema, introspection, executeOperation, documents, log } = options;
  return new ApolloServer<ViewerContext>({
    schema,
    introspection,
    nodeEnv: "production",
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: true,
    // A second check: the route already rejects everything that an HTML form could send.
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
        log.warn({ detail }, "Apollo warning");
      },
      error: (detail: unknown) => {
        log.error({ detail }, "Apollo error");
      },
    },
    plugins: [
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      createExecutionPlugin(executeOperation, documents),
    ],
  });
}
