import type { z } from "zod";
import type { VitalUserId } from "../core/mapping/app-user-id.js";
import type { VitalApi, VitalUser } from "../core/vital/vital-api.js";
import { VitalError } from "../core/vital/vital-error.js";
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
  /** For one call, milliseconds, waiting for a connection included. */
  timeoutMs: number;
  maxConnections?: number;
  /** Called after every call; `status` is 0 where there was no answer. */
  onCall?: (operation: VitalOperation, status: number, durationMs: number) => void;
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The error that an answer other than the expected one stands for, by its status. */
function toVitalError(operation: VitalOperation, answer: HttpResponse): VitalError {
  const { status } = answer;
  const message = `${operation}: ${status} ${toErrorText(parseJson(answer.text))}`;
  const retryAfterMs = parseRetryAfterMs(answer.headers, new Date(), "x-ratelimit-reset");
  const details = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  if (status === 401 || status === 403) return new VitalError("credentials_refused", message, details);
  if (status === 429 || status === 503) return new VitalError("throttled", message, details);
  if (status === 404 && operation === "sign-in-token") return new VitalError("not_found", message, details);
  // A path that Vital does not know says that VITAL_API_URL is wrong, not that the user is.
  const isOurFault = [404, 405, 408].includes(status) || status < 400;
  if (status >= 500 || isOurFault) return new VitalError("unavailable", message, details);
  return new VitalError("refused", message, details);
}

/**
 * Vital over HTTP. Knows the API key, and is the only part that does: it appears in the request header and nowhere
 * else. Every failure is a {@link VitalError}.
 *
 * Source of paths, statuses and bodies: Vital's OpenAPI document and documentation of the user endpoints.
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
      const answer = await sendRequest(pool, request, { timeoutMs });
      onCall(operation, answer.status, performance.now() - startedAt);
      // What an answer says goes into errors, and a proxy may say which key it did not like.
      return { ...answer, text: answer.text.replaceAll(apiKey, "(the API key)") };
    } catch (error) {
      onCall(operation, 0, performance.now() - startedAt);
      const reason = error instanceof HttpRequestError ? error.message : "the request could not be sent";
      throw new VitalError("unavailable", `${operation}: ${reason}`, { cause: error });
    }
  }

  /** Reads an answer by its schema; another form than documented is a failure that may pass. */
  function parse<S extends z.ZodType>(
    schema: S,
    operation: VitalOperation,
    answer: HttpResponse,
  ): z.infer<S> {
    const parsed = schema.safeParse(parseJson(answer.text));
    if (parsed.success) return parsed.data;
    throw new VitalError("unavailable", `${operation}: ${answer.status} with a body of another form`, {
      status: answer.status,
    });
  }

  /** The user of an answer, which must be the one that was asked for. */
  function toUser(operation: VitalOperation, user: WireUser, clientUserId = user.client_user_id): VitalUser {
    if (user.client_user_id !== undefined && user.client_user_id !== clientUserId) {
      throw new VitalError("unavailable", `${operation}: answered for another user`);
    }
    return { vitalUserId: user.user_id as VitalUserId, teamId: user.team_id ?? null };
  }

  /** The existing user of a create that was answered "already exists", or `null` for any other refusal. */
  async function findExisting(clientUserId: string, answer: HttpResponse): Promise<VitalUser | null> {
    if (answer.status !== 400 && answer.status !== 409) return null;
    const conflict = WireConflict.safeParse(parseJson(answer.text)).data;
    const vitalUserId = conflict?.detail.user_id as VitalUserId | null | undefined;
    if (typeof vitalUserId === "string") return { vitalUserId, teamId: null };
    const saysItExists = answer.status === 409 || /already exists/i.test(answer.text);
    if (!saysItExists) return null;
    const user = await findUser(clientUserId);
    if (user !== null) return user;
    throw new VitalError("unavailable", "create-user: the user is said to exist, but is not found");
  }

  async function findUser(clientUserId: string): Promise<VitalUser | null> {
    const path = `/v2/user/resolve/${encodeURIComponent(clientUserId)}`;
    const answer = await call("resolve-user", "GET", path);
    if (isGone(answer)) return null;
    if (answer.status !== 200) throw toVitalError("resolve-user", answer);
    return toUser("resolve-user", parse(WireUser, "resolve-user", answer), clientUserId);
  }

  return {
    async createUser(clientUserId) {
      const answer = await call("create-user", "POST", "/v2/user", { client_user_id: clientUserId });
      if (answer.status === 200 || answer.status === 201) {
        return toUser("create-user", parse(WireUser, "create-user", answer), clientUserId);
      }
      const existing = await findExisting(clientUserId, answer);
      if (existing === null) throw toVitalError("create-user", answer);
      return existing;
    },

    findUser,

    async findAnyUser() {
      const answer = await call("list-users", "GET", "/v2/user?offset=0&limit=1");
      if (answer.status !== 200) throw toVitalError("list-users", answer);
      const [user] = parse(WireUserList, "list-users", answer).users;
      return user === undefined ? null : toUser("list-users", user);
    },

    async deleteUser(vitalUserId) {
      const answer = await call("delete-user", "DELETE", `/v2/user/${vitalUserId}`);
      // Unknown and scheduled for deletion are both answered 404.
      if (answer.status === 200 || answer.status === 204 || isGone(answer)) return;
      throw toVitalError("delete-user", answer);
    },

    async createSignInToken(vitalUserId) {
      const answer = await call("sign-in-token", "POST", `/v2/user/${vitalUserId}/sign_in_token`);
      if (answer.status !== 200) throw toVitalError("sign-in-token", answer);
      const token = parse(WireSignInToken, "sign-in-token", answer);
      // A token for anybody else must not leave this file.
      if (token.user_id !== vitalUserId)
        throw new VitalError("unavailable", "sign-in-token: answered for another user");
      return token.sign_in_token;
    },

    /** At once: whoever still waits for Vital has been given up by then. */
    close: () => pool.destroy(),
  };
}

/**
 * Vital says of a user that it is not there. FastAPI answers an unknown path with exactly "Not Found", and a proxy in
 * between in another form: then the address is wrong, and nobody is gone.
 */
function isGone({ status, text }: HttpResponse): boolean {
  return status === 404 && !["Not Found", noReasonGiven].includes(toErrorText(parseJson(text)));
}
