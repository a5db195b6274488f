import type { Caller } from "./api-key.js";

/** The names of Vital's routes in faults, in the request counts and in the timeline. */
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
  "get-team-metrics",
  "get-user-info",
  "list-providers",
  "connect-provider",
  "deregister-provider",
  "sdk-sync-state",
  "sdk-start-historical-stage",
  "sdk-sync-progress",
  "post-summary",
  "post-timeseries",
] as const;
export type OperationName = (typeof operationNames)[number];

/** The parts of a request that operations need. */
export type ApiRequest = {
  /** The parameters of the route, percent-decoded once and never empty. Each is an empty string where the route lacks it. */
  params: Readonly<Record<"user_id" | "client_user_id" | "provider", string>>;
  query: URLSearchParams;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  /** The received bytes; empty when there is no body. */
  body: Buffer;
};

/** `body` is sent as JSON, unless it is a string and `headers` has a `content-type`. It is absent for 204. */
export type ApiResponse = { status: number; body?: unknown; headers?: Record<string, string> };

type Route = {
  name: OperationName;
  method: "GET" | "POST" | "PATCH" | "DELETE";
  paths: readonly string[];
  /** The longest accepted body, when it is not the usual one. */
  maxBodyBytes?: number;
};

/** What a request may act on: all users of a team (an API key), or one user of it (an access token of the SDK). */
export type Scope = { teamId: string; onlyUserId: string | null };

/** Who may call an operation, and what it knows of its caller. */
export type Operation = Route &
  (
    | { access: "api-key"; run(request: ApiRequest, caller: Caller): ApiResponse }
    | { access: "api-key-or-access-token"; run(request: ApiRequest, scope: Scope): ApiResponse }
    | { access: "open"; run(request: ApiRequest): ApiResponse }
  );

/** One entry of a Pydantic v2 error list, as Vital's FastAPI routes return it. */
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

/** Returns FastAPI's 422 error: a list of all problems with the input. */
export const toValidationError = (...items: ValidationItem[]) => new ApiError(422, items);
