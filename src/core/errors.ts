/**
 * Every error that the service reports on purpose, in one table: the message for the caller, the HTTP status when the
 * request fails before it is executed, and whether a retry can help.
 */
export const errorTable = {
  UNAUTHENTICATED: { httpStatus: 401, retryable: false, message: "A valid access token is required." },
  FORBIDDEN: {
    httpStatus: 403,
    retryable: false,
    message: "The access token does not permit this operation.",
  },
  AUTH_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    message: "Access tokens cannot be verified right now.",
  },
  RATE_LIMITED: { httpStatus: 429, retryable: true, message: "Too many requests." },
  VITAL_UNAVAILABLE: { httpStatus: 503, retryable: true, message: "Vital is not responding." },
  SERVICE_UNAVAILABLE: { httpStatus: 503, retryable: true, message: "The service is unavailable." },
  PROVISIONING_FAILED: {
    httpStatus: 500,
    retryable: false,
    message: "The Vital user could not be created. Contact support.",
  },
  INTERNAL_SERVER_ERROR: { httpStatus: 500, retryable: true, message: "Internal server error." },
} as const satisfies Record<string, { httpStatus: number; retryable: boolean; message: string }>;

export type ErrorCode = keyof typeof errorTable;

export type ServiceErrorDetails = {
  /** Shown to the caller instead of the table's message. Never contains internals. */
  message?: string;
  /** How long the caller should wait before a retry, milliseconds. */
  retryAfterMs?: number;
  /** For the log only: which check failed, what to set. Never contains a secret or a token. */
  reason?: string;
  cause?: unknown;
};

/** The wait for a temporary failure whose duration is unknown. */
const defaultRetryAfterMs = 5_000;

/** An error that the service reports on purpose. Any other error is a bug: logged in full, and hidden from callers. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly retryAfterMs: number | undefined;
  readonly reason: string | undefined;

  constructor(
    readonly code: ErrorCode,
    details: ServiceErrorDetails = {},
  ) {
    super(details.message ?? errorTable[code].message, { cause: details.cause });
    this.retryAfterMs = details.retryAfterMs;
    this.reason = details.reason;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  /** Whole seconds after which the caller may retry, at least 1; `undefined` when waiting does not help. */
  get retryAfterSeconds(): number | undefined {
    const isTemporary = this.retryable && this.code !== "INTERNAL_SERVER_ERROR";
    const retryAfterMs = this.retryAfterMs ?? (isTemporary ? defaultRetryAfterMs : undefined);
    return retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(retryAfterMs / 1000));
  }
}
