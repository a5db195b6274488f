import { z } from "zod";
import { decodeSignInToken } from "../../../simulator/sign-in-token.js";

export const tokenQuery = "mutation { vitalSignInToken { userId signInToken environment region } }";

export type TokenResponse =
  /** `vitalUserId` is the user that the token itself signs in; `userId` is the user that the response names. */
  | { type: "token"; userId: string; vitalUserId: string }
  /** `retryAfterMs` is `null` if a retry does not help. */
  | { type: "error"; code: string; retryAfterMs: number | null };

const TokenResponse = z
  .object({
    data: z.object({
      vitalSignInToken: z.object({
        userId: z.string(),
        signInToken: z.string(),
        environment: z.literal("SANDBOX"),
        region: z.literal("US"),
      }),
    }),
  })
  .transform(({ data: { vitalSignInToken: token } }): TokenResponse => {
    const { vitalUserId } = decodeSignInToken(token.signInToken);
    return { type: "token", userId: token.userId, vitalUserId };
  });

/** Errors that must say how long to wait before a retry. */
const RetryableWithWait = z.object({
  code: z.enum(["VITAL_UNAVAILABLE", "SERVICE_UNAVAILABLE", "RATE_LIMITED"]),
  retryable: z.literal(true),
  retryAfterSeconds: z.number().positive(),
});
const Retryable = z.object({
  code: z.enum(["AUTH_UNAVAILABLE", "INTERNAL_SERVER_ERROR"]),
  retryable: z.literal(true),
  retryAfterSeconds: z.number().positive().default(1),
});
const Final = z.object({
  code: z.enum(["FORBIDDEN", "PROVISIONING_FAILED", "UNAUTHENTICATED"]),
  retryable: z.literal(false),
});

const ErrorResponse = z
  .object({ errors: z.tuple([z.object({ extensions: z.union([RetryableWithWait, Retryable, Final]) })]) })
  .transform(({ errors: [{ extensions }] }): TokenResponse => {
    const retryAfterMs = extensions.retryable ? extensions.retryAfterSeconds * 1000 : null;
    return { type: "error", code: extensions.code, retryAfterMs };
  });

const AnyResponse = z.union([ErrorResponse, TokenResponse]);

/**
 * Parses the response body of {@link tokenQuery}.
 * @throws Error if the body is neither a token that can be decoded nor one typed error
 */
export const parseTokenResponse = (text: string): TokenResponse => AnyResponse.parse(JSON.parse(text));
