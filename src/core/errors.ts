/**
 * Every way in which the service says no, in one table: what the caller is told, the HTTP status where the answer is
 * given before anything runs, and whether asking again can help.
 */
export const errorTable = {
  UNAUTHENTICATED: { httpStatus: 401, retryable: false, message: "A valid access token is required." },
  FORBIDDEN: { httpStatus: 403, retryable: false, message: "This access token does not allow it." },
  AUTH_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    message: "Access tokens cannot be checked at the moment.",
  },
  RATE_LIMITED: { httpStatus: 429, retryable: true, message: "Too many requests." },
  VITAL_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    message: "Vital cannot be reached at the moment.",
  },
  SERVICE_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    message: "The service cannot answer at the moment.",
  },
  PROVISIONING_FAILED: {
    httpStatus: 500,
    retryable: false,
    message: "The Vital user could not be created; support has to look at it.",
  },
  INTERNAL_SERVER_ERROR: { httpStatus: 500, retryable: true, message: "Internal server error." },
} as const satisfies Record<string, { httpStatus: number; retryable: boolean; message: string }>;

export type ErrorCode = keyof typeof errorTable;

/** RFC 6750 §3.1: what the challenge of a 401 or 403 names; absent when no token was sent at all. */
export type BearerError = "invalid_token" | "insufficient_scope" | "invalid_request";

export type ServiceErrorDetails = {
  /** Shown to the caller in place of the table's message; never an internal. */
  message?: string;
  /** How long waiting helps, milliseconds. */
  retryAfterMs?: number;
  /** For the log only: which check failed, what to set. No secret, no token. */
  reason?: string;
  /** For the `WWW-Authenticate` challenge. */
  bearerError?: BearerError;
  /** Scope that a token would need, for the `insufficient_scope` challenge. */
  requiredScope?: string;
  cause?: unknown;
};

/** For a temporary failure whose duration is unknown. */
const defaultRetryAfterMs = 5_000;

/** A deliberate refusal. Everything else that is thrown is a bug: logged whole, shown opaque. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly retryAfterMs: number | undefined;
  readonly reason: string | undefined;
  readonly bearerError: BearerError | undefined;
  readonly requiredScope: string | undefined;

  constructor(
    readonly code: ErrorCode,
    details: ServiceErrorDetails = {},
  ) {
    super(details.message ?? errorTable[code].message, { cause: details.cause });
    this.retryAfterMs = details.retryAfterMs;
    this.reason = details.reason;
    this.bearerError = details.bearerError;
    this.requiredScope = details.requiredScope;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  /** Whole seconds after which the caller may try again, at least 1; `undefined` where waiting does not help. */
  get retryAfterSeconds(): number | undefined {
    const isTemporary = this.retryable && this.code !== "INTERNAL_SERVER_ERROR";
    const retryAfterMs = this.retryAfterMs ?? (isTemporary ? defaultRetryAfterMs : undefined);
    return retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(retryAfterMs / 1000));
  }
}
