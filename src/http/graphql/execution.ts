import {
  execute,
  OperationTypeNode,
  type DocumentNode,
  type FormattedExecutionResult,
  type GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import type { AppUserId } from "../../core/mapping/app-user-id.js";
import { withDeadline } from "../../core/deadline.js";
import { ServiceError } from "../../core/errors.js";

/** The context that resolvers receive. */
export type ViewerContext = {
  viewer: { appUserId: AppUserId };
  requestId: string;
  /** When the response must be sent, as `performance.now()` measures it. */
  deadlineAtMs: number;
  /** Only queries may run: the request was sent by GET, which must change nothing (RFC 9110 §9.2.1). */
  isReadOnly: boolean;
};

/** Converts anything that was thrown into a GraphQL error of the service. */
export type PresentError = (
  error: unknown,
  requestId: string,
) => GraphQLFormattedError & { extensions: { code: string; retryAfterSeconds?: number } };

/** One operation of a valid document. */
export type Operation = {
  document: DocumentNode;
  operation: OperationDefinitionNode;
  operationName: string | null;
  variables: Record<string, unknown> | null;
};

/** With a status, the operation was rejected before it ran. Without one, it ran, and `presentError` converted its errors. */
type Outcome = { status?: 400 | 405; result: FormattedExecutionResult };

export type ExecuteOperation = (operation: Operation, context: ViewerContext) => Promise<Outcome>;

/** The maximum number of reported errors in a document or in its variables. */
export const maxErrors = 3;

/**
 * Timeouts are rounded up to a multiple of this. Node.js keeps one list of timers for each duration, and every
 * request has a different remaining time: without rounding, thousands of requests would create as many lists.
 */
const deadlineStepMs = 50;

/** A query reads only our own storage; a mutation waits for Vital. */
const toTimeout = (operation: OperationTypeNode) =>
  new ServiceError(operation === OperationTypeNode.MUTATION ? "VITAL_UNAVAILABLE" : "SERVICE_UNAVAILABLE", {
    reason: "execution exceeded the deadline",
  });

const reject = (errors: GraphQLFormattedError[], status: 400 | 405 = 400): Outcome => ({
  status,
  result: { errors },
});

/** For invalid variables, which are rejected before anything runs. */
const toVariableErrors = (errors: readonly GraphQLError[]): GraphQLFormattedError[] =>
  errors.map((error) => ({ ...error.toJSON(), extensions: { code: "BAD_USER_INPUT" } }));

/** For a kind of operation without a root type in the schema; graphql-js would report a failed execution instead. */
const toUnsupportedOperation = (operation: OperationTypeNode): GraphQLFormattedError => ({
  message: `The schema does not support ${operation} operations.`,
  extensions: { code: "OPERATION_RESOLUTION_FAILURE" },
});

const toReadOnlyError = (operation: OperationTypeNode): GraphQLFormattedError => ({
  message: `Send a ${operation} by POST; GET serves queries only.`,
  extensions: { code: "BAD_REQUEST" },
});

/** Creates the function that runs operations within the deadline of their request, and presents their errors. */
export function createExecution({
  schema,
  presentError,
}: {
  schema: GraphQLSchema;
  presentError: PresentError;
}): ExecuteOperation {
  return async ({ document, operation: { operation }, operationName, variables }, context) => {
    if ((schema.getRootType(operation) ?? null) === null) return reject([toUnsupportedOperation(operation)]);
    const { requestId, deadlineAtMs, isReadOnly } = context;
    if (isReadOnly && operation !== OperationTypeNode.QUERY) return reject([toReadOnlyError(operation)], 405);
    try {
      const execution = execute({
        schema,
        document,
        contextValue: context,
        variableValues: variables,
        operationName,
        options: { maxCoercionErrors: maxErrors },
      });
      const leftMs = deadlineAtMs - performance.now();
      const timeoutMs = Math.ceil(leftMs / deadlineStepMs) * deadlineStepMs;
      const { data, errors } =
        execution instanceof Promise
          ? await withDeadline(execution, timeoutMs, () => toTimeout(operation))
          : execution;
      if (data === undefined) return reject(toVariableErrors(errors ?? []));
      if (errors === undefined) return { result: { data } };
      return { result: { data, errors: errors.map((error) => presentError(error, requestId)) } };
    } catch (error) {
      return { result: { data: null, errors: [presentError(error, requestId)] } };
    }
  };
}
