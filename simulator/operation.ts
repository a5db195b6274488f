import type { Caller } from "./api-key.js";

/** What faults, the request table and the timeline call the routes of Vital. */
export const operationNames = [
  "create-user",
  "sign-in-token",
  "resolve-user",
  "get-user",
  "list-users",
  "delete-user",
  "patch-user",
  "undo-delete",
  "exchange-token",
] as const;
export type OperationName = (typeof operationNames)[number];

/** One request, decoded as far as every operation needs it. */
export type ApiRequest = {
  /** Path as it came, without the query and still percent-encoded. */
  path: string;
  /** `:user_id` of the route, percent-decoded; empty where the route has none. */
  userId: string;
  query: URLSearchParams;
  contentType: string | undefined;
  /** Bytes as they came; empty where there are none. */
  body: Buffer;
};

/** `body` is sent as JSON, unless it is a string under a `content-type` of its own; absent for 204. */
export type ApiResponse = { status: number; body?: unknown; headers?: Record<string, string> };

type Route = { method: "GET" | "POST" | "PATCH" | "DELETE"; paths: readonly string[] };

/** An operation of the server API takes the caller its key names; the token exchange is open to everyone. */
export type Operation = Route &
  (
    | { name: OperationName; needsApiKey: true; run(call: ApiRequest, caller: Caller): ApiResponse }
    | { name: OperationName; needsApiKey: false; run(call: ApiRequest): ApiResponse }
  );

/** One entry of a Pydantic v2 error list, as Vital's FastAPI routes give it. */
export type ValidationItem = {
  type: string;
  loc: (string | number)[];
  msg: string;
  input: unknown;
  ctx?: unknown;
};

/** Ends an operation with an error status and `{"detail": …}`. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly detail: string | object,
  ) {
    super(`status ${status}`);
  }
}

/** The 422 of FastAPI: a list of what is wrong with the input. */
export const toValidationError = (...items: ValidationItem[]) => new ApiError(422, items);
