import { getActiveUser, unknownUser } from "./active-user.js";
import type { Caller } from "./api-key.js";
import { toUserJson } from "./user-json.js";
import { parseJsonBody } from "./json-body.js";
import {
  type ApiResponse,
  type ApiRequest,
  type Operation,
  toValidationError,
  ApiError,
} from "./operation.js";
import { createSignInTokenText, type TokenSigner } from "./token-signer.js";
import { parseUserBody, type UserBody } from "./user-body.js";
import { parseUserId } from "./user-parameters.js";
import type { ManualValue, User, UserAttributes, UserStore } from "./user-store.js";
import { toVitalTime } from "./vital-time.js";

const invalidRequest = (message: string, more: object = {}) =>
  new ApiError(400, { error_type: "INVALID_REQUEST", error_message: message, ...more });

/**
 * The operations of Vital's server API that change users or sign them in, with the statuses and bodies of its documentation.
 *
 * @param sandboxUserCap how many users a sandbox team may have at the same time; `null` for no limit.
 * @param isForLocalSdk whether sign-in tokens send the SDK for iOS to localhost.
 */
export function createUserOperations({
  users,
  signer,
  now,
  sandboxUserCap,
  isForLocalSdk,
}: {
  users: UserStore;
  signer: TokenSigner;
  now: () => number;
  sandboxUserCap: number | null;
  isForLocalSdk: boolean;
}): Operation[] {
  const toAttributes = (body: UserBody, before: UserAttributes | null): UserAttributes => {
    const manual = (value: string | null | undefined, old: ManualValue | null | undefined) => {
      if (value === undefined) return old ?? null;
      return value === null ? null : { value, updatedAt: now() };
    };
    const plain = (value: string | null | undefined, old: string | null | undefined) =>
      value === undefined ? (old ?? null) : value;
    return {
      fallbackTimeZone: manual(body.fallback_time_zone, before?.fallbackTimeZone),
      fallbackBirthDate: manual(body.fallback_birth_date, before?.fallbackBirthDate),
      ingestionStart: plain(body.ingestion_start, before?.ingestionStart),
      ingestionEnd: plain(body.ingestion_end, before?.ingestionEnd),
    };
  };

  const assertBelowCap = ({ environment, teamId }: Caller) => {
    if (environment !== "sandbox" || sandboxUserCap === null) return;
    if (users.countActive(teamId) < sandboxUserCap) return;
    throw invalidRequest(`You have reached the maximum of ${sandboxUserCap} Sandbox users`);
  };

  const createUser = ({ body, contentType }: ApiRequest, caller: Caller): ApiResponse => {
    const fields = parseUserBody(parseJsonBody(body, contentType), { isCreate: true });
    const clientUserId = fields.client_user_id ?? "";
    // In a full team, an id that is in use is still reported as a conflict: that is the more useful of the two errors.
    if (users.findByClientUserId(caller.teamId, clientUserId) === null) assertBelowCap(caller);
    const { user, isNew } = users.create(caller.teamId, clientUserId, toAttributes(fields, null));
    if (isNew) return { status: 200, body: toUserJson(user) };
    throw invalidRequest("Client user id already exists.", {
      user_id: user.vitalUserId,
      created_on: toVitalTime(user.createdAt),
    });
  };

  const patchUser = ({ params, body, contentType }: ApiRequest, caller: Caller): ApiResponse => {
    const vitalUserId = parseUserId(params.user_id);
    const fields = parseUserBody(parseJsonBody(body, contentType), { isCreate: false });
    const user = getActiveUser(users, caller, vitalUserId);
    if (Object.keys(fields).length === 0) throw new ApiError(400, "Nothing to patch");
    if (fields.client_user_id !== undefined && !users.rename(user, fields.client_user_id)) {
      throw new ApiError(409, "Client user id already exists");
    }
    user.attributes = toAttributes(fields, user.attributes);
    return { status: 204 };
  };

  const deleteUser = ({ params }: ApiRequest, caller: Caller): ApiResponse => {
    users.remove(getActiveUser(users, caller, parseUserId(params.user_id)));
    return { status: 200, body: { success: true } };
  };

  /** Vital's documentation shows a JSON body, and its schema shows query parameters. Both are accepted. */
  const findToRestore = ({ query, body, contentType }: ApiRequest, { teamId }: Caller): User | null => {
    const fields = query.size > 0 || body.length === 0 ? null : parseJsonBody(body, contentType);
    const read = (name: string): string | null => {
      const value = fields === null ? query.get(name) : (fields as Record<string, unknown>)[name];
      return typeof value === "string" ? value : null;
    };
    const userId = read("user_id");
    const clientUserId = read("client_user_id");
    if (userId !== null && clientUserId === null) return users.find(teamId, parseUserId(userId, "query"));
    if (clientUserId !== null && userId === null) {
      return users.findLastDeleted(teamId, clientUserId) ?? users.findByClientUserId(teamId, clientUserId);
    }
    const msg = "Value error, exactly one of user_id and client_user_id is required";
    throw toValidationError({ type: "value_error", loc: ["query"], msg, input: null, ctx: { error: {} } });
  };

  const undoDelete = (request: ApiRequest, caller: Caller): ApiResponse => {
    const user = findToRestore(request, caller);
    if (user === null) throw new ApiError(404, unknownUser);
    if (user.deletedAt === null) throw new ApiError(400, "The user is not scheduled for deletion");
    if (users.restore(user)) return { status: 200, body: { success: true } };
    throw new ApiError(400, "A new user has been created with the same client user id");
  };

  const createSignInToken = ({ params }: ApiRequest, caller: Caller): ApiResponse => {
    const { vitalUserId } = getActiveUser(users, caller, parseUserId(params.user_id));
    const token = createSignInTokenText(signer, caller, vitalUserId, { isForLocalSdk });
    return { status: 200, body: { user_id: vitalUserId, sign_in_token: token } };
  };

  const collection = ["/v2/user", "/v2/user/"];
  const member = ["/v2/user/:user_id"];
  const withApiKey = { access: "api-key" } as const;
  return [
    { ...withApiKey, name: "create-user", method: "POST", paths: collection, run: createUser },
    { ...withApiKey, name: "patch-user", method: "PATCH", paths: member, run: patchUser },
    { ...withApiKey, name: "delete-user", method: "DELETE", paths: member, run: deleteUser },
    { ...withApiKey, name: "undo-delete", method: "POST", paths: ["/v2/user/undo_delete"], run: undoDelete },
    {
      ...withApiKey,
      name: "sign-in-token",
      method: "POST",
      paths: ["/v2/user/:user_id/sign_in_token"],
      run: createSignInToken,
    },
  ];
}
