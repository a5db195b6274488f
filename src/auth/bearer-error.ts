import { ServiceError, type ErrorCode, type ServiceErrorDetails } from "../core/errors.js";

/** The `error` of a challenge (RFC 6750 §3.1). */
type BearerErrorCode = "invalid_token" | "insufficient_scope";

/** The access token is invalid or lacks the required scope. A request without a token causes a plain `ServiceError`. */
export class BearerError extends ServiceError {
  readonly bearerError: BearerErrorCode;
  /** The scope that the token lacks, for the `insufficient_scope` challenge. */
  readonly requiredScope: string | undefined;
  /** The app sent a text in the place of a token: the app has a defect that affects every user. */
  readonly isPlaceholder: boolean;

  constructor(
    code: ErrorCode,
    details: ServiceErrorDetails & {
      bearerError: BearerErrorCode;
      requiredScope?: string;
      isPlaceholder?: boolean;
    },
  ) {
    super(code, details);
    this.bearerError = details.bearerError;
    this.requiredScope = details.requiredScope;
    this.isPlaceholder = details.isPlaceholder ?? false;
  }
}

/** Whether an error means that a token was sent and is invalid. A token that only lacks the scope is valid. */
export const isInvalidToken = (error: unknown): boolean =>
  error instanceof BearerError && error.bearerError === "invalid_token";
