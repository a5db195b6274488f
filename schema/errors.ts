import { randomUUID } from "node:crypto";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { errorTable, ServiceError } from "../src/core/errors.js";

/** What the extensions of every error carry. */
export type ErrorExtensions = {
  code: string;
  retryable: boolean;
  requestId: string;
  /** Where waiting helps. */
  retryAfterSeconds?: number;
  /** Of a bug: finds it in the log. */
  errorId?: string;
};
export type PresentedError = GraphQLFormattedError & { extensions: ErrorExtensions };

type Log = Record<"info" | "error", (fields: Record<string, unknown>, phrase: string) => void>;

/** What Apollo calls the caller's own mistakes; their messages describe the document and nothing of ours. */
const callerMistakes = new Set([
  "BAD_REQUEST",
  "BAD_USER_INPUT",
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "OPERATION_RESOLUTION_FAILURE",
  "PERSISTED_QUERY_NOT_FOUND",
  "PERSISTED_QUERY_NOT_SUPPORTED",
]);

/** For a refusal that passes by itself and does not say when. */
const defaultRetryAfterSeconds = 5;

const isCallerMistake = (error: unknown): error is GraphQLError =>
  error instanceof GraphQLError &&
  // An error with a path was raised by a resolver, whatever it calls itself.
  error.path === undefined &&
  typeof error.extensions.code === "string" &&
  callerMistakes.has(error.extensions.code);

/** A suggestion ("Did you mean …?") tells the schema to those who guess; the rest tells which server we run. */
const toPublicMessage = ({ message, extensions }: GraphQLError): string =>
  extensions.validationErrorCode === "INTROSPECTION_DISABLED"
    ? "Introspection is off; use the published schema."
    : message.replace(/ ?Did you mean .+\?$/s, "");

/** Where in the document an error belongs; nothing for errors that were raised outside of one. */
const toPosition = (error: unknown): Pick<GraphQLFormattedError, "locations" | "path"> => {
  if (!(error instanceof GraphQLError)) return {};
  const { locations, path } = error.toJSON();
  return { ...(locations && { locations }), ...(path && { path }) };
};

/** The resolver's own error, which graphql-js wraps in one that knows the path. */
const unwrap = (error: unknown): unknown =>
  error instanceof GraphQLError && error.originalError !== undefined ? unwrap(error.originalError) : error;

/**
 * Makes the one function that turns whatever was thrown into a GraphQL error of the service: a `ServiceError` by the
 * table, a mistake of the caller under Apollo's code, anything else as a bug: logged whole, shown as an id alone.
 */
export function createErrorPresenter({
  log,
  newErrorId = randomUUID,
}: {
  log: Log;
  newErrorId?: () => string;
}) {
  const presentRefusal = (error: ServiceError, requestId: string) => {
    const { code, retryable, reason, message } = error;
    log.info({ requestId, code, reason }, "request refused");
    const retryAfterSeconds =
      error.retryAfterSeconds ??
      (retryable && code !== "INTERNAL_SERVER_ERROR" ? defaultRetryAfterSeconds : undefined);
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
      return { ...presentRefusal(original, requestId), ...toPosition(error) };
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

export type ErrorPresenter = ReturnType<typeof createErrorPresenter>;
