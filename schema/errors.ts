import { randomUUID } from "node:crypto";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { errorTable, ServiceError } from "../src/core/errors.js";
import type { Logger } from "../src/telemetry/logger.js";

/** The extensions of every error. */
type ErrorExtensions = {
  code: string;
  retryable: boolean;
  requestId: string;
  /** Present when waiting helps. */
  retryAfterSeconds?: number;
  /** The id under which a bug is logged. */
  errorId?: string;
};
type PresentedError = GraphQLFormattedError & { extensions: ErrorExtensions };

/** Apollo's codes for mistakes of the caller. Their messages describe the caller's document, not our internals. */
const callerMistakes = new Set([
  "BAD_REQUEST",
  "BAD_USER_INPUT",
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "OPERATION_RESOLUTION_FAILURE",
  "PERSISTED_QUERY_NOT_FOUND",
  "PERSISTED_QUERY_NOT_SUPPORTED",
]);

const isCallerMistake = (error: unknown): error is GraphQLError =>
  error instanceof GraphQLError &&
  // An error with a path was thrown by a resolver, whatever its code says.
  error.path === undefined &&
  typeof error.extensions.code === "string" &&
  callerMistakes.has(error.extensions.code);

/** Removes suggestions ("Did you mean …?"), which reveal the schema, and a message that reveals the server software. */
const toPublicMessage = ({ message, extensions }: GraphQLError): string =>
  extensions.validationErrorCode === "INTROSPECTION_DISABLED"
    ? "Introspection is disabled; use the published schema."
    : message.replace(/ ?Did you mean .+\?$/s, "");

/** Returns the position of an error in its document; empty if the error has none. */
const toPosition = (error: unknown): Pick<GraphQLFormattedError, "locations" | "path"> => {
  if (!(error instanceof GraphQLError)) return {};
  const { locations, path } = error.toJSON();
  return { ...(locations && { locations }), ...(path && { path }) };
};

/** Returns the resolver's own error, which graphql-js wraps in an error with the path. */
const unwrap = (error: unknown): unknown =>
  error instanceof GraphQLError && error.originalError !== undefined ? unwrap(error.originalError) : error;

/**
 * Creates the function that converts anything that was thrown to a GraphQL error. A `ServiceError` keeps its own code, and
 * a mistake of the caller keeps Apollo's code. Anything else is a bug, which is logged in full and shown only as an id.
 */
export function createErrorPresenter({
  log,
  newErrorId = randomUUID,
}: {
  log: Logger;
  newErrorId?: () => string;
}) {
  const presentServiceError = (error: ServiceError, requestId: string) => {
    const { code, retryable, reason, message, retryAfterSeconds } = error;
    log.info({ requestId, code, reason }, "request rejected");
    return {
      message,
      extensions: {
        code,
        retryable,
        requestId,
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      },
    };
  };

  const presentBug = (error: unknown, requestId: string) => {
    const code = "INTERNAL_SERVER_ERROR";
    const { message, retryable } = errorTable[code];
    const errorId = newErrorId();
    log.error({ requestId, errorId, err: error }, "unexpected error");
    return { message, extensions: { code, retryable, requestId, errorId } };
  };

  return (error: unknown, requestId: string): PresentedError => {
    const original = unwrap(error);
    if (original instanceof ServiceError) {
      return { ...presentServiceError(original, requestId), ...toPosition(error) };
    }
    if (isCallerMistake(error)) {
      const code = error.extensions.code as string;
      return {
        message: toPublicMessage(error),
        ...toPosition(error),
        extensions: { code, retryable: false, requestId },
      };
    }
    return { ...presentBug(original, requestId), ...toPosition(error) };
  };
}
