import { ServiceError, type ErrorCode, type ServiceErrorDetails } from "../core/errors.js";

/** The `error` of a challenge (RFC 6750 §3.1). */
type BearerErrorCode = "invalid_token" | "insufficient_scope" | "invalid_request";

/** An access token that is invalid or does not suffice. A request without any token is a plain `ServiceError`. */
export class BearerError extends ServiceError {
  readonly bearerError: BearerErrorCode;
  /** The scope that the token would need, for the `insufficient_scope` challenge. */
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
