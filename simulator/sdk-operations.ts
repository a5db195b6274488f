import { getActiveUser } from "./active-user.js";
import { assertInScope } from "./authentication.js";
import { allProviders, healthProviders, isPaused, manualProviders, toConnections } from "./connections.js";
import { parseJsonBody, parseSdkBody, toObject } from "./json-body.js";
import {
  type ApiRequest,
  type ApiResponse,
  type Operation,
  type Scope,
  ApiError,
  toValidationError,
} from "./operation.js";
import { parseUserId, parseUserIdOfRead } from "./user-parameters.js";
import type { User, UserStore } from "./user-store.js";

/** How long the SDK may use a sync state. The default of both SDKs. */
const syncStateSeconds = 14_400;
/** The SDK sends days of health data in one body. */
const maxDataBytes = 32 * 1024 * 1024;
const success: ApiResponse = { status: 200, body: { success: true } };

/** @throws ApiError 422 */
function parseProvider<P extends string>(text: string, known: readonly P[]): P {
  const provider = known.find((name) => name === text);
  if (provider !== undefined) return provider;
  const quoted = known.map((name) => `'${name}'`);
  const expected = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1) ?? ""}`;
  throw toValidationError({
    type: "enum",
    loc: ["path", "provider"],
    msg: `Input should be ${expected}`,
    input: text,
    ctx: { expected },
  });
}

/** @throws ApiError 422 when the field is missing or not a string. */
function getString(body: object, field: string): string {
  const input = new Map<string, unknown>(Object.entries(body)).get(field);
  if (typeof input === "string") return input;
  const loc = ["body", field];
  if (input === undefined)
    throw toValidationError({ type: "missing", loc, msg: "Field required", input: body });
  throw toValidationError({ type: "string_type", loc, msg: "Input should be a valid string", input });
}

/**
 * What a signed-in SDK calls first. Sources: the code of the SDKs for iOS and Android and Vital's OpenAPI file. The bodies
 * of health data are parsed and discarded.
 */
export function createSdkOperations({ users, now }: { users: UserStore; now: () => number }): Operation[] {
  /** Returns the user in the path. Throws 404 for an unknown or deleted one, 403 for one that the caller may not access. */
  const getUser = ({ params }: ApiRequest, scope: Scope): User => {
    const vitalUserId = parseUserId(params.user_id);
    assertInScope(scope, vitalUserId);
    return getActiveUser(users, scope, vitalUserId);
  };

  /** The simulator stores no demographics, so that no user has any. A deleted user is not reported as such. */
  const getUserInfo = ({ params }: ApiRequest, scope: Scope): ApiResponse => {
    const vitalUserId = parseUserIdOfRead(params.user_id);
    assertInScope(scope, vitalUserId);
    const isKnown = users.find(scope.teamId, vitalUserId) !== null;
    throw new ApiError(404, isKnown ? "User demographics data not found" : "User not found");
  };

  const listProviders = (request: ApiRequest, scope: Scope): ApiResponse => ({
    status: 200,
    body: { providers: toConnections(getUser(request, scope), now()) },
  });

  /** Connecting again succeeds: the SDK for iOS fails on the 409 that Vital's older versions returned. */
  const connectProvider = ({ params, body, contentType }: ApiRequest, scope: Scope): ApiResponse => {
    const provider = parseProvider(params.provider, manualProviders);
    const fields = toObject(parseJsonBody(body, contentType));
    const vitalUserId = parseUserId(getString(fields, "user_id"), "body");
    assertInScope(scope, vitalUserId);
    const { connections } = getActiveUser(users, scope, vitalUserId);
    if (!connections.has(provider)) connections.set(provider, now());
    return success;
  };

  /** Succeeds for a provider that is not connected: Vital documents no error. */
  const deregisterProvider = (request: ApiRequest, scope: Scope): ApiResponse => {
    const provider = parseProvider(request.params.provider, allProviders);
    getUser(request, scope).connections.delete(provider);
    return success;
  };

  const syncState = (request: ApiRequest, scope: Scope): ApiResponse => {
    parseProvider(request.params.provider, healthProviders);
    getString(parseSdkBody(request), "tzinfo");
    const user = getUser(request, scope);
    const start = user.attributes.ingestionStart;
    const body = {
      status: isPaused(user, now()) ? "paused" : "active",
      request_start_date: null,
      request_end_date: null,
      ingestion_start: start === null ? null : `${start}T00:00:00+00:00`,
      per_device_activity_ts: false,
      expires_in: syncStateSeconds,
    };
    return { status: 200, body };
  };

  const receiveFor = (known: readonly string[] | null) => (request: ApiRequest, scope: Scope) => {
    if (known !== null) parseProvider(request.params.provider, known);
    getUser(request, scope);
    parseSdkBody(request);
    return success;
  };

  const shared = { access: "api-key-or-access-token" } as const;
  const data = { ...shared, method: "POST", maxBodyBytes: maxDataBytes } as const;
  const member = "/v2/user/:user_id";
  return [
    { ...shared, name: "get-user-info", method: "GET", paths: [`${member}/info/latest`], run: getUserInfo },
    {
      ...shared,
      name: "list-providers",
      method: "GET",
      paths: ["/v2/user/providers/:user_id"],
      run: listProviders,
    },
    {
      ...shared,
      name: "connect-provider",
      method: "POST",
      paths: ["/v2/link/provider/manual/:provider"],
      run: connectProvider,
    },
    {
      ...shared,
      name: "deregister-provider",
      method: "DELETE",
      paths: [`${member}/:provider`],
      run: deregisterProvider,
    },
    {
      ...shared,
      name: "sdk-sync-state",
      method: "POST",
      paths: [`${member}/sdk_sync_state/:provider`],
      run: syncState,
    },
    {
      ...data,
      name: "sdk-start-historical-stage",
      paths: [`${member}/sdk_start_historical_stage/:provider`],
      run: receiveFor(healthProviders),
    },
    {
      ...data,
      name: "sdk-sync-progress",
      paths: [`${member}/sdk_sync_progress/:provider`],
      run: receiveFor(healthProviders),
    },
    { ...data, name: "post-summary", paths: ["/v2/summary/:resource/:user_id"], run: receiveFor(null) },
    { ...data, name: "post-timeseries", paths: ["/v2/timeseries/:user_id/:resource"], run: receiveFor(null) },
  ];
}
