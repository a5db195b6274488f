import type { z } from "zod";
import type { VitalUserId } from "../core/mapping/app-user-id.js";
import type { VitalApi, VitalUser } from "../core/vital/vital-api.js";
import { VitalError, type VitalErrorKind } from "../core/vital/vital-error.js";
import { createPool } from "../http-client/pool.js";
import { parseRetryAfterMs } from "../http-client/retry-after.js";
import {
  sendRequest,
  HttpRequestError,
  type HttpResponse,
  type HttpRequest,
} from "../http-client/send-request.js";
import { noReasonGiven, toErrorText, WireConflict, WireSignInToken, WireUser, WireUserList } from "./wire.js";

export type VitalOperation = "create-user" | "resolve-user" | "list-users" | "delete-user" | "sign-in-token";

export type VitalClientOptions = {
  apiKey: string;
  apiUrl: string;
  /** For one call, milliseconds, including the wait for a connection. */
  timeoutMs: number;
  maxConnections?: number;
  /** Runs after every call; `status` is 0 when there was no response. */
  onCall?: (operation: VitalOperation, status: number, durationMs: number) => void;
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Returns what an unexpected status means. */
function toKind(operation: VitalOperation, status: number): VitalErrorKind {
  if (status === 401 || status === 403) return "credentials_refused";
  if (status === 429 || status === 503) return "throttled";
  if (status === 404 && operation === "sign-in-token") return "not_found";
  // An unknown path means that VITAL_API_URL is wrong, not that the user is.
  if (status === 404 || status === 405) return "unavailable";
  const isTemporary = status < 400 || status === 408 || status >= 500;
  return isTemporary ? "unavailable" : "refused";
}

function toVitalError(operation: VitalOperation, response: HttpResponse): VitalError {
  const { status } = response;
  const message = `${operation}: ${status} ${toErrorText(parseJson(response.text))}`;
  const retryAfterMs = parseRetryAfterMs(response.headers, new Date(), "x-ratelimit-reset");
  const details = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  return new VitalError(toKind(operation, status), message, details);
}

/**
 * The adapter to Vital's HTTP API, and the only part that uses the API key: the key appears in the request header and
 * nowhere else. Every failure is a `VitalError`.
 *
 * Source of paths, statuses and bodies: Vital's OpenAPI document and its documentation of the user endpoints.
 */
export function createVitalClient(options: VitalClientOptions): VitalApi & { close(): Promise<void> } {
  const { apiKey, apiUrl, timeoutMs, onCall = () => undefined } = options;
  const base = new URL(apiUrl);
  const basePath = base.pathname.replace(/\/$/, "");
  const pool = createPool(base.origin, {
    connections: options.maxConnections ?? 256,
    connectTimeoutMs: timeoutMs,
  });

  async function call(
    operation: VitalOperation,
    method: HttpRequest["method"],
    path: string,
    body?: unknown,
  ): Promise<HttpResponse> {
    const headers: Record<string, string> = { "x-vital-api-key": apiKey, accept: "application/json" };
    const request: HttpRequest = { method, path: basePath + path, headers };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      request.body = JSON.stringify(body);
    } else if (method === "POST") {
      headers["content-length"] = "0";
    }
    const startedAt = performance.now();
    try {
      const response = await sendRequest(pool, request, { timeoutMs });
      onCall(operation, response.status, performance.now() - startedAt);
      // The text of a response ends up in errors, and a proxy may repeat the key that it rejects.
      return { ...response, text: response.text.replaceAll(apiKey, "(the API key)") };
    } catch (error) {
      onCall(operation, 0, performance.now() - startedAt);
      const reason = error instanceof HttpRequestError ? error.message : "the request could not be sent";
      throw new VitalError("unavailable", `${operation}: ${reason}`, { cause: error });
    }
  }

  /** Parses a response body. A body with another structure than documented is a temporary failure. */
  function parse<S extends z.ZodType>(
    schema: S,
    operation: VitalOperation,
    response: HttpResponse,
  ): z.infer<S> {
    const parsed = schema.safeParse(parseJson(response.text));
    if (parsed.success) return parsed.data;
    throw new VitalError("unavailable", `${operation}: ${response.status} with an invalid body`, {
      status: response.status,
    });
  }

  /** Returns the user of a response, after a check that it is the requested one. */
  function toUser(operation: VitalOperation, user: WireUser, clientUserId = user.client_user_id): VitalUser {
    if (user.client_user_id !== undefined && user.client_user_id !== clientUserId) {
      throw new VitalError("unavailable", `${operation}: the response is about another user`);
    }
    return { vitalUserId: user.user_id as VitalUserId, teamId: user.team_id ?? null };
  }

  /** Returns the existing user after the response "already exists" to a create, or `null` after any other refusal. */
  async function findExisting(clientUserId: string, response: HttpResponse): Promise<VitalUser | null> {
    if (response.status !== 400 && response.status !== 409) return null;
    const conflict = WireConflict.safeParse(parseJson(response.text)).data;
    const vitalUserId = conflict?.detail.user_id as VitalUserId | null | undefined;
    if (typeof vitalUserId === "string") return { vitalUserId, teamId: null };
    const isConflict = response.status === 409 || /already exists/i.test(response.text);
    if (!isConflict) return null;
    const user = await findUser(clientUserId);
    if (user !== null) return user;
    throw new VitalError(
      "unavailable",
      "create-user: Vital responded that the user exists, but a lookup did not find it",
    );
  }

  async function findUser(clientUserId: string): Promise<VitalUser | null> {
    const path = `/v2/user/resolve/${encodeURIComponent(clientUserId)}`;
    const response = await call("resolve-user", "GET", path);
    if (isUserMissing(response)) return null;
    if (response.status !== 200) throw toVitalError("resolve-user", response);
    return toUser("resolve-user", parse(WireUser, "resolve-user", response), clientUserId);
  }

  return {
    async createUser(clientUserId) {
      const response = await call("create-user", "POST", "/v2/user", { client_user_id: clientUserId });
      if (response.status === 200 || response.status === 201) {
        return toUser("create-user", parse(WireUser, "create-user", response), clientUserId);
      }
      const existing = await findExisting(clientUserId, response);
      if (existing === null) throw toVitalError("create-user", response);
      return existing;
    },

    findUser,

    async findAnyUser() {
      const response = await call("list-users", "GET", "/v2/user?offset=0&limit=1");
      if (response.status !== 200) throw toVitalError("list-users", response);
      const [user] = parse(WireUserList, "list-users", response).users;
      return user === undefined ? null : toUser("list-users", user);
    },

    async deleteUser(vitalUserId) {
      const response = await call("delete-user", "DELETE", `/v2/user/${vitalUserId}`);
      // The status is 404 for an unknown user and for one that is scheduled for deletion.
      if (response.status === 200 || response.status === 204 || isUserMissing(response)) return;
      throw toVitalError("delete-user", response);
    },

    async createSignInToken(vitalUserId) {
      const response = await call("sign-in-token", "POST", `/v2/user/${vitalUserId}/sign_in_token`);
      if (response.status !== 200) throw toVitalError("sign-in-token", response);
      const token = parse(WireSignInToken, "sign-in-token", response);
      // A token for another user must not leave this file.
      if (token.user_id !== vitalUserId)
        throw new VitalError("unavailable", "sign-in-token: the response is about another user");
      return token.sign_in_token;
    },

    /** Ends all connections immediately: by then no caller waits for a response. */
    close: () => pool.destroy(),
  };
}

/**
 * Whether Vital reports that a user does not exist. For an unknown path, FastAPI responds with exactly "Not Found" and a
 * proxy with a body of its own format: then the address is wrong, and the user may exist.
 */
function isUserMissing({ status, text }: HttpResponse): boolean {
  return status === 404 && !["Not Found", noReasonGiven].includes(toErrorText(parseJson(text)));
}
