import type { z } from "zod";
import type { VitalUserId } from "../core/mapping/app-user-id.js";
import type { VitalUser } from "../core/vital/vital-api.js";
import { VitalError, type VitalErrorKind } from "../core/vital/vital-error.js";
import { parseRetryAfterMs } from "../http-client/retry-after.js";
import type { HttpResponse } from "../http-client/send-request.js";
import { noReasonGiven, toErrorText, WireConflict, type WireUser } from "./wire.js";

export type VitalOperation =
  "create-user" | "resolve-user" | "get-user" | "list-users" | "delete-user" | "sign-in-token";

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Returns the kind of error that an unexpected status means. */
function toKind(operation: VitalOperation, status: number, isAskedToWait: boolean): VitalErrorKind {
  if (status === 401) return "credentials_refused";
  // For one user it may be about that user. A call about no user shows whether it is about the key.
  if (status === 403) return operation === "list-users" ? "credentials_refused" : "forbidden";
  if (status === 429) return "throttled";
  // Without a time to wait, it may be one user for whom a part of Vital does not respond.
  if (status === 503) return isAskedToWait ? "throttled" : "unavailable";
  if (status === 404 || status === 405) return "unknown_path";
  const isTemporary = status < 400 || status === 408 || status >= 500;
  return isTemporary ? "unavailable" : "refused";
}

const maxReasonLength = 200;

/** Removes a client user id from a text, as it is and as in a path: it may be an e-mail address. */
function hideId(text: string, clientUserId: string | undefined): string {
  if (clientUserId === undefined || clientUserId === "") return text;
  const forms = [clientUserId, encodeURIComponent(clientUserId)].map((form) =>
    form.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"),
  );
  return text.replace(
    new RegExp(`(?<![\\p{L}\\p{N}])(?:${forms.join("|")})(?![\\p{L}\\p{N}])`, "giu"),
    "<id>",
  );
}

/**
 * Returns the error for a response with an unexpected status, and not about a missing user. Its message is logged, so it
 * does not repeat the client user id of the request.
 */
export function toVitalError(
  operation: VitalOperation,
  response: HttpResponse,
  clientUserId?: string,
): VitalError {
  const { status } = response;
  const reason = hideId(toErrorText(parseJson(response.text)), clientUserId).slice(0, maxReasonLength);
  const message = `${operation}: ${status} ${reason}`;
  const retryAfterMs = parseRetryAfterMs(response.headers, new Date(), "x-ratelimit-reset");
  const details = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  return new VitalError(toKind(operation, status, retryAfterMs !== undefined), message, details);
}

/** Returns the error for a response that says that the user does not exist. */
export const toMissingError = (operation: VitalOperation, { status, text }: HttpResponse): VitalError =>
  new VitalError(
    "not_found",
    `${operation}: ${status} ${toErrorText(parseJson(text)).slice(0, maxReasonLength)}`,
    { status },
  );

/** Parses a response body. A body with an undocumented structure is a temporary failure. */
export function parseBody<S extends z.ZodType>(
  schema: S,
  operation: VitalOperation,
  response: HttpResponse,
): z.infer<S> {
  const parsed = schema.safeParse(parseJson(response.text));
  if (parsed.success) return parsed.data;
  throw new VitalError("invalid_response", `${operation}: ${response.status} with an invalid body`, {
    status: response.status,
  });
}

/** Returns the user of a response, after a check that it is the requested one. */
export function toUser(
  operation: VitalOperation,
  user: WireUser,
  clientUserId = user.client_user_id,
): VitalUser {
  if (user.client_user_id !== undefined && user.client_user_id !== clientUserId) {
    throw new VitalError("invalid_response", `${operation}: the response is about another user`);
  }
  return { vitalUserId: user.user_id as VitalUserId, teamId: user.team_id ?? null };
}

/**
 * Returns the user that a failed create conflicts with, or `null` when it failed for another reason than an existing
 * client user id. `vitalUserId` is null when the response does not name the user.
 */
export function parseConflict(response: HttpResponse): { vitalUserId: VitalUserId | null } | null {
  if (response.status !== 400 && response.status !== 409) return null;
  const conflict = WireConflict.safeParse(parseJson(response.text)).data;
  const vitalUserId = conflict?.detail.user_id;
  if (typeof vitalUserId === "string") return { vitalUserId: vitalUserId as VitalUserId };
  const isConflict = response.status === 409 || /already exists/i.test(response.text);
  return isConflict ? { vitalUserId: null } : null;
}

/** The text of FastAPI's router for a path that it does not have. Vital's texts about a missing user are different. */
const unknownPathText = "Not Found";

/**
 * Whether Vital reports that a user does not exist. For an unknown path, Vital's router responds with exactly "Not Found"
 * and a proxy with a body of its own format: then the path or VITAL_API_URL is wrong, and the user may exist.
 */
export function isUserMissing({ status, text }: HttpResponse): boolean {
  return status === 404 && ![unknownPathText, noReasonGiven].includes(toErrorText(parseJson(text)));
}
