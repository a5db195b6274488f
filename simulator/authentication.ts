import type { IncomingHttpHeaders } from "node:http";

import { readAccessToken } from "./access-token.js";
import { type Caller, toCaller } from "./api-key.js";
import { ApiError, type Scope } from "./operation.js";
import type { TokenSigner } from "./token-signer.js";

const invalidToken = () => new ApiError(401, "invalid token");

/**
 * Authenticates by the `x-vital-api-key` header or, for calls of the SDK, by a bearer token. A request with both is
 * authenticated by its key.
 *
 * @param onlyKey the only accepted key; without it, any key in Vital's format is accepted.
 */
export function createAuthentication({
  signer,
  onlyKey,
}: {
  signer: TokenSigner;
  onlyKey: string | undefined;
}) {
  /** @throws ApiError 401 */
  const getCaller = (headers: IncomingHttpHeaders): Caller => {
    const key = headers["x-vital-api-key"];
    if (key === undefined || key === "") throw new ApiError(401, "Missing x-vital-api-key");
    const caller = toCaller(String(key));
    if (caller === null || (onlyKey !== undefined && key !== onlyKey)) throw invalidToken();
    return caller;
  };

  return {
    getCaller,

    /** @throws ApiError 401 */
    getScope(headers: IncomingHttpHeaders): Scope {
      const { authorization } = headers;
      if (headers["x-vital-api-key"] !== undefined || authorization === undefined) {
        return { teamId: getCaller(headers).teamId, onlyUserId: null };
      }
      const token = /^bearer +(\S+) *$/i.exec(authorization)?.[1];
      const session = token === undefined ? null : readAccessToken(signer, token);
      if (session === null) throw invalidToken();
      return { teamId: session.teamId, onlyUserId: session.vitalUserId };
    },
  };
}
export type Authentication = ReturnType<typeof createAuthentication>;

/**
 * Call this before the lookup of a user, so that an access token learns nothing about other users.
 *
 * @throws ApiError 403 when the caller is another user. Vital's response in this case is not known.
 */
export function assertInScope({ onlyUserId }: Scope, vitalUserId: string): void {
  if (onlyUserId !== null && onlyUserId !== vitalUserId) {
    throw new ApiError(403, "The access token belongs to a different user");
  }
}
