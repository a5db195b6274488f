import { ServiceError, type ErrorCode, type ServiceErrorDetails } from "../core/errors.js";

/** The `error` of a challenge (RFC 6750 §3.1). */
type BearerErrorCode = "invalid_token" | "insufficient_scope";

/** The access token is invalid or lacks the required scope. A request without a token causes a plain `ServiceError`. */
export class BearerError extends ServiceError {
  readonly bearerError: BearerErrorCode;
  /** The scope that the token lacks, for the `insufficient_scope` challenge. */
  readonly requiredScope: string | undefined;

  constructor(
    code: ErrorCode,
    details: ServiceErrorDetails & { bearerError: BearerErrorCode; requiredScope?: string },
  ) {
    super(code, details);
    this.bearerError = details.bearerError;
    this.requiredScope = details.requiredScope;
  }
}

/** Whether an error means that a token was sent and is invalid. A token that only lacks the scope is valid. */
export const isInvalidToken = (error: unknown): boolean =>
  error instanceof BearerError && error.bearerError === "invalid_token";
