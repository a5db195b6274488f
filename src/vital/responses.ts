import type { z } from "zod";
import type { VitalUserId } from "../core/mapping/app-user-id.js";
import type { VitalUser } from "../core/vital/vital-api.js";
import { VitalError, type VitalErrorKind } from "../core/vital/vital-error.js";
import { parseRetryAfterMs } from "../http-client/retry-after.js";
import type { HttpResponse } from "../http-client/send-request.js";
import { noReasonGiven, toErrorText, WireConflict, type WireUser } from "./wire.js";

export type VitalOperation = "create-user" | "resolve-user" | "list-users" | "delete-user" | "sign-in-token";

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Returns the kind of error that an unexpected status means. */
function toKind(operation: VitalOperation, status: number): VitalErrorKind {
  if (status === 401 || status === 403) return "credentials_refused";
  if (status === 429 || status === 503) return "throttled";
  if (status === 404 && operation === "sign-in-token") return "not_found";
  // An unknown path means that VITAL_API_URL is wrong, not that the user is missing.
  if (status === 404 || status === 405) return "unavailable";
  const isTemporary = status < 400 || status === 408 || status >= 500;
  return isTemporary ? "unavailable" : "refused";
}

/** Returns the error for a response with an unexpected status. */
export function toVitalError(operation: VitalOperation, response: HttpResponse): VitalError {
  const { status } = response;
  const message = `${operation}: ${status} ${toErrorText(parseJson(response.text))}`;
  const retryAfterMs = parseRetryAfterMs(response.headers, new Date(), "x-ratelimit-reset");
  const details = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  return new VitalError(toKind(operation, status), message, details);
}

/** Parses a response body. A body with an undocumented structure is a temporary failure. */
export function parseBody<S extends z.ZodType>(
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
export function toUser(
  operation: VitalOperation,
  user: WireUser,
  clientUserId = user.client_user_id,
): VitalUser {
  if (user.client_user_id !== undefined && user.client_user_id !== clientUserId) {
    throw new VitalError("unavailable", `${operation}: the response is about another user`);
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

/**
 * Whether Vital reports that a user does not exist. For an unknown path, FastAPI responds with exactly "Not Found" and a
 * proxy with a body of its own format: then VITAL_API_URL is wrong, and the user may exist.
 */
export function isUserMissing({ status, text }: HttpResponse): boolean {
  return status === 404 && !["Not Found", noReasonGiven].includes(toErrorText(parseJson(text)));
}
