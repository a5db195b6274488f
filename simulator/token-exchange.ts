import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

import type { ApiResponse, ApiRequest, Operation } from "./operation.js";
import type { TokenSigner } from "./token-signer.js";
import type { User, UserStore } from "./user-store.js";

const expiresInSeconds = 3600;
const invalidToken: ApiResponse = { status: 400, body: { detail: { error_type: "invalid_token" } } };

/** Refresh tokens that prove themselves, so that nothing has to be kept: `<user id>.<nonce>.<HMAC>`. */
function createRefreshTokens() {
  const key = randomBytes(32);
  const proofOf = (content: string) => createHmac("sha256", key).update(content).digest();
  return {
    mint(vitalUserId: string): string {
      const content = `${vitalUserId}.${randomBytes(12).toString("base64url")}`;
      return `${content}.${proofOf(content).toString("base64url")}`;
    },
    /** The user id in a token minted here; else `null`. */
    verify(token: string): string | null {
      const [vitalUserId = "", nonce = "", proof = ""] = token.split(".");
      const given = Buffer.from(proof, "base64url");
      const expected = proofOf(`${vitalUserId}.${nonce}`);
      return given.length === expected.length && timingSafeEqual(given, expected) ? vitalUserId : null;
    },
  };
}

/**
 * `POST /v1/token` of Vital's identity host: a sign-in token, or a refresh token, for an access token. It takes no API
 * key. Whatever is wrong with the request is `invalid_token`, as the SDK knows no better answer to it.
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
    // An access token carries the same signature, but no tenant: it is no sign-in token.
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
    const accessToken = signer.sign({ sub: user.vitalUserId, vital_team_id: user.teamId });
    const refreshToken = refreshTokens.mint(user.vitalUserId);
    return {
      status: 200,
      body: { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresInSeconds },
    };
  };

  return { name: "exchange-token", method: "POST", paths: ["/v1/token"], needsApiKey: false, run };
}
