import type { VitalApi, VitalUser } from "../core/vital/vital-api.js";
import type { VitalUserId } from "../core/mapping/app-user-id.js";
import { VitalError } from "../core/vital/vital-error.js";
import type { FindProxy } from "../http-client/outbound-proxies.js";
import { createPool } from "../http-client/pool.js";
import {
  sendRequest,
  HttpRequestError,
  type HttpResponse,
  type HttpRequest,
} from "../http-client/send-request.js";
import {
  isUserMissing,
  parseBody,
  parseConflict,
  toMissingError,
  toUser,
  toVitalError,
  type VitalOperation,
} from "./responses.js";
import { WireSignInToken, WireUser, WireUserList } from "./wire.js";

export type VitalClientOptions = {
  apiKey: string;
  apiUrl: string;
  /** Timeout of one call, including the wait for a connection, milliseconds. */
  timeoutMs: number;
  maxConnections?: number;
  /** The proxy for calls to Vital; none by default. */
  findProxy?: FindProxy;
  /** Runs after every call; `status` is 0 when there was no response. */
  onCall?: (operation: VitalOperation, status: number, durationMs: number) => void;
  /** Called when there is no such path: VITAL_API_URL is wrong, or Vital has changed. The error names the operation. */
  onUnknownPath?: (error: VitalError) => void;
};

const openPool = (origin: string, { maxConnections = 256, timeoutMs, findProxy }: VitalClientOptions) =>
  createPool(origin, {
    connections: maxConnections,
    connectTimeoutMs: timeoutMs,
    ...(findProxy && { findProxy }),
  });

/**
 * The adapter to Vital's HTTP API, and the only part that uses the API key: the key appears in the request header and
 * nowhere else. Every failure is a `VitalError`.
 *
 * Source of paths, statuses and bodies: Vital's OpenAPI document and its documentation of the user endpoints.
 */
export function createVitalClient(options: VitalClientOptions): VitalApi & { close(): Promise<void> } {
  const { apiKey, apiUrl, timeoutMs, onCall = () => undefined, onUnknownPath = () => undefined } = options;
  const base = new URL(apiUrl);
  const basePath = base.pathname.replace(/\/$/, "");
  const pool = openPool(base.origin, options);

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

  function toError(operation: VitalOperation, response: HttpResponse, clientUserId?: string): VitalError {
    const error = toVitalError(operation, response, clientUserId);
    if (error.kind === "unknown_path") onUnknownPath(error);
    return error;
  }

  /**
   * Whether a response about a Vital user says that this user does not exist. Vital does not document its text for every
   * operation, so a second call decides when it is the text for an unknown path.
   */
  async function isMissing(vitalUserId: VitalUserId, response: HttpResponse): Promise<boolean> {
    if (response.status !== 404 || isUserMissing(response)) return response.status === 404;
    return isUserMissing(await call("get-user", "GET", `/v2/user/${vitalUserId}`));
  }

  /** Returns the existing user when a create failed because its client user id already exists, otherwise `null`. */
  async function findExisting(clientUserId: string, response: HttpResponse): Promise<VitalUser | null> {
    const conflict = parseConflict(response);
    if (conflict === null) return null;
    const { vitalUserId } = conflict;
    if (vitalUserId !== null) return { vitalUserId, teamId: null };
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
    if (response.status !== 200) throw toError("resolve-user", response, clientUserId);
    return toUser("resolve-user", parseBody(WireUser, "resolve-user", response), clientUserId);
  }

  return {
    async createUser(clientUserId) {
      const response = await call("create-user", "POST", "/v2/user", { client_user_id: clientUserId });
      if (response.status === 200 || response.status === 201) {
        const user = toUser("create-user", parseBody(WireUser, "create-user", response), clientUserId);
        return { ...user, isNew: true };
      }
      const existing = await findExisting(clientUserId, response);
      if (existing === null) throw toError("create-user", response, clientUserId);
      return { ...existing, isNew: false };
    },

    findUser,

    async findAnyUser() {
      const response = await call("list-users", "GET", "/v2/user?offset=0&limit=1");
      if (response.status !== 200) throw toError("list-users", response);
      const [user] = parseBody(WireUserList, "list-users", response).users;
      return user === undefined ? null : toUser("list-users", user);
    },

    async deleteUser(vitalUserId) {
      const response = await call("delete-user", "DELETE", `/v2/user/${vitalUserId}`);
      if (response.status === 200 || response.status === 204) return;
      // An unknown user, or one that is scheduled for deletion.
      if (await isMissing(vitalUserId, response)) return;
      throw toError("delete-user", response);
    },

    async createSignInToken(vitalUserId) {
      const response = await call("sign-in-token", "POST", `/v2/user/${vitalUserId}/sign_in_token`);
      if (response.status !== 200) {
        if (await isMissing(vitalUserId, response)) throw toMissingError("sign-in-token", response);
        throw toError("sign-in-token", response);
      }
      const token = parseBody(WireSignInToken, "sign-in-token", response);
      // A token for another user must never be returned.
      if (token.user_id !== vitalUserId)
        throw new VitalError("invalid_response", "sign-in-token: the response is about another user");
      return token.sign_in_token;
    },

    /** Closes all connections immediately. Call it when no caller waits for a response any more. */
    close: () => pool.destroy(),
  };
}
