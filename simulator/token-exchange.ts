import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

import { createAccessToken } from "./access-token.js";
import type { ApiResponse, ApiRequest, Operation } from "./operation.js";
import type { TokenSigner } from "./token-signer.js";
import type { User, UserStore } from "./user-store.js";

const expiresInSeconds = 3600;
const invalidToken: ApiResponse = { status: 400, body: { detail: { error_type: "invalid_token" } } };

/** Self-contained refresh tokens, so that nothing has to be stored: `<user id>.<nonce>.<HMAC>`. */
function createRefreshTokens() {
  const key = randomBytes(32);
  const toSignature = (content: string) => createHmac("sha256", key).update(content).digest();
  return {
    create(vitalUserId: string): string {
      const content = `${vitalUserId}.${randomBytes(12).toString("base64url")}`;
      return `${content}.${toSignature(content).toString("base64url")}`;
    },
    /** Returns the user id of a token that was created here; otherwise `null`. */
    verify(token: string): string | null {
      const [vitalUserId = "", nonce = "", signature = ""] = token.split(".");
      const received = Buffer.from(signature, "base64url");
      const expected = toSignature(`${vitalUserId}.${nonce}`);
      return received.length === expected.length && timingSafeEqual(received, expected) ? vitalUserId : null;
    },
  };
}

/**
 * `POST /v1/token` of Vital's identity host: exchanges a sign-in token or a refresh token for an access token. It needs
 * no API key. Every invalid request is an `invalid_token`, because the SDK does not distinguish other errors.
 */
export function createTokenExchange({ users, signer }: { users: UserStore; signer: TokenSigner }): Operation {
  const refreshTokens = createRefreshTokens();

  const findUser = (teamId: unknown, vitalUserId: unknown): User | null => {
    if (typeof teamId !== "string" || typeof vitalUserId !== "string") return null;
    const user = users.find(teamId, vitalUserId);
    return user?.deletedAt === null ? user : null;
  };

  const findBySignInToken = (form: URLSearchParams): User | null => {
    if (form.get("subject_token_type") !== "urn:junction:sign-in-token") return null;
    const claims = signer.verify(form.get("subject_token") ?? "");
    // An access token has a valid signature too, but no tenant: it is not a sign-in token.
    if (claims?.tenant_id === undefined) return null;
    return findUser((claims.claims as { vital_team_id?: unknown }).vital_team_id, claims.uid);
  };

  const findByRefreshToken = (form: URLSearchParams): User | null => {
    const vitalUserId = refreshTokens.verify(form.get("refresh_token") ?? "");
    return vitalUserId === null ? null : users.findActive(vitalUserId);
  };

  const finders = new Map([
    ["urn:ietf:params:oauth:grant-type:token-exchange", findBySignInToken],
    ["refresh_token", findByRefreshToken],
  ]);

  const run = ({ body, contentType }: ApiRequest): ApiResponse => {
    const isForm = /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(contentType ?? "");
    const form = new URLSearchParams(isForm ? body.toString() : "");
    const user = finders.get(form.get("grant_type") ?? "")?.(form) ?? null;
    if (user === null) return invalidToken;
    const accessToken = createAccessToken(signer, user);
    const refreshToken = refreshTokens.create(user.vitalUserId);
    return {
      status: 200,
      body: { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresInSeconds },
    };
  };

  // The SDK for iOS adds /auth when a token sends it to localhost.
  const paths = ["/v1/token", "/auth/v1/token"];
  return { name: "exchange-token", method: "POST", paths, access: "open", run };
}
