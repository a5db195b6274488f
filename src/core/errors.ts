type ErrorDefinition = {
  /** The status when the request fails before it is executed. */
  httpStatus: number;
  /** Whether a retry can help. */
  retryable: boolean;
  /** How long the caller should wait when the error itself does not say, milliseconds; `undefined` means no advice. */
  defaultRetryAfterMs: number | undefined;
  /** The message for the caller. */
  message: string;
};

/** Every error that the service reports on purpose. */
export const errorTable = {
  UNAUTHENTICATED: {
    httpStatus: 401,
    retryable: false,
    defaultRetryAfterMs: undefined,
    message: "A valid access token is required.",
  },
  FORBIDDEN: {
    httpStatus: 403,
    retryable: false,
    defaultRetryAfterMs: undefined,
    message: "The access token does not permit this operation.",
  },
  AUTH_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    defaultRetryAfterMs: 5_000,
    message: "Access tokens cannot be verified right now.",
  },
  RATE_LIMITED: {
    httpStatus: 429,
    retryable: true,
    defaultRetryAfterMs: 5_000,
    message: "Too many requests.",
  },
  VITAL_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    defaultRetryAfterMs: 5_000,
    message: "Vital is not responding.",
  },
  SERVICE_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    defaultRetryAfterMs: 5_000,
    message: "The service is unavailable.",
  },
  PROVISIONING_FAILED: {
    httpStatus: 500,
    retryable: false,
    defaultRetryAfterMs: undefined,
    message: "The Vital user could not be created. Contact support.",
  },
  INTERNAL_SERVER_ERROR: {
    httpStatus: 500,
    retryable: true,
    defaultRetryAfterMs: undefined,
    message: "Internal server error.",
  },
} as const satisfies Record<string, ErrorDefinition>;

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

  /** Whole seconds after which the caller may retry, at least 1; `undefined` when the caller is not asked to wait. */
  get retryAfterSeconds(): number | undefined {
    const retryAfterMs = this.retryAfterMs ?? errorTable[this.code].defaultRetryAfterMs;
    return retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(retryAfterMs / 1000));
  }
}
