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
import { ServiceError } from "../../core/errors.js";
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

/** One operation of a document that has been found valid. */
export type Operation = {
  document: DocumentNode;
  operation: OperationDefinitionNode;
  operationName: string | null;
  variables: Record<string, unknown> | null;
};

/** Without a status: what an execution came to, its errors presented. With one: a refusal, nothing has run. */
export type Outcome = { status?: 400; result: FormattedExecutionResult };

export type ExecuteOperation = (operation: Operation, context: ViewerContext) => Promise<Outcome>;

/** So many mistakes of one request are told. */
export const maxErrors = 3;

/** A query reads our own storage; a mutation waits for Vital. */
const toOverdue = (operation: OperationTypeNode) =>
  new ServiceError(operation === OperationTypeNode.MUTATION ? "VITAL_UNAVAILABLE" : "SERVICE_UNAVAILABLE", {
    reason: "execution past the deadline",
  });

const refuse = (errors: GraphQLFormattedError[]): Outcome => ({ status: 400, result: { errors } });

/** Variables that do not fit: nothing has run. */
const toUnfit = (errors: readonly GraphQLError[]): GraphQLFormattedError[] =>
  errors.map((error) => ({ ...error.toJSON(), extensions: { code: "BAD_USER_INPUT" } }));

/** A kind of operation that the schema has no fields for; graphql-js would only say so as a failed execution. */
const toNotServed = (operation: OperationTypeNode): GraphQLFormattedError => ({
  message: `No ${operation} is served here.`,
  extensions: { code: "OPERATION_RESOLUTION_FAILURE" },
});

/** Makes the one function that runs operations: within the deadline of the request, its errors presented. */
export function createExecution({
  schema,
  presentError,
}: {
  schema: GraphQLSchema;
  presentError: PresentError;
}): ExecuteOperation {
  return async ({ document, operation: { operation }, operationName, variables }, context) => {
    if ((schema.getRootType(operation) ?? null) === null) return refuse([toNotServed(operation)]);
    const { requestId, deadlineAtMs } = context;
    try {
      const execution = execute({
        schema,
        document,
        contextValue: context,
        variableValues: variables,
        operationName,
        options: { maxCoercionErrors: maxErrors },
      });
      const { data, errors } = await withDeadline(execution, deadlineAtMs - performance.now(), () =>
        toOverdue(operation),
      );
      if (data === undefined) return refuse(toUnfit(errors ?? []));
      if (errors === undefined) return { result: { data } };
      return { result: { data, errors: errors.map((error) => presentError(error, requestId)) } };
    } catch (error) {
      return { result: { data: null, errors: [presentError(error, requestId)] } };
    }
  };
}
