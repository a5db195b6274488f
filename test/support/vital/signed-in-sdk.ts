import { decodeSignInToken } from "../../../simulator/sign-in-token.js";
import type { TestSimulator } from "../simulator.js";

type Sent = { body?: unknown; raw?: Buffer; headers?: Record<string, string> };

/** A body of the SDK's request for its sync state. */
export const syncStateBody = { tzinfo: "Europe/Berlin", request_start_date: null, request_end_date: null };

/** Every call that the SDK makes for a user, with a valid body. */
export const listSdkCalls = (userId: string): [method: string, path: string, body?: unknown][] => [
  ["GET", `/v2/user/${userId}`],
  ["GET", `/v2/user/${userId}/info/latest`],
  ["GET", `/v2/user/providers/${userId}`],
  ["POST", "/v2/link/provider/manual/apple_health_kit", { user_id: userId }],
  ["POST", `/v2/user/${userId}/sdk_sync_state/apple_health_kit`, syncStateBody],
  ["POST", `/v2/user/${userId}/sdk_start_historical_stage/apple_health_kit`, { backfill_type: "sleep" }],
  ["POST", `/v2/user/${userId}/sdk_sync_progress/apple_health_kit`, {}],
  ["POST", `/v2/summary/sleep/${userId}`, { stage: "daily", data: [] }],
  ["POST", `/v2/timeseries/${userId}/heartrate`, { stage: "daily", data: [] }],
  ["DELETE", `/v2/user/${userId}/apple_health_kit`],
];

/** Signs an SDK in as a new user. `call` sends a request with its access token. */
export async function signInSdk(vital: TestSimulator, clientUserId: string, key?: string) {
  const vitalUserId = await vital.createId(clientUserId, key);
  const signInToken = String((await vital.token(vitalUserId, key)).body.sign_in_token);
  const { userToken } = decodeSignInToken(signInToken);
  const { body } = await vital.exchange({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token_type: "urn:junction:sign-in-token",
    subject_token: userToken,
  });
  const callWith = (accessToken: string, method: string, path: string, { headers, ...sent }: Sent = {}) =>
    vital.call(method, path, {
      key: null,
      ...sent,
      contentType: "application/json",
      headers: { authorization: `Bearer ${accessToken}`, ...headers },
    });
  const accessToken = String(body.access_token);
  return {
    vitalUserId,
    userToken,
    accessToken,
    refreshToken: String(body.refresh_token),
    call: (method: string, path: string, sent?: Sent) => callWith(accessToken, method, path, sent),
    /** Exchanges the refresh token for a new session, and sends a request with its access token. */
    async refreshAndCall(method: string, path: string) {
      const form = { grant_type: "refresh_token", refresh_token: String(body.refresh_token) };
      const refreshed = await vital.exchange(form);
      return callWith(String(refreshed.body.access_token), method, path);
    },
  };
}
