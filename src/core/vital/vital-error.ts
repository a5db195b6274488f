/** How the product reacts to one kind of failure. */
type VitalFailure = {
  /** The code in `lastError` of a mapping, in warnings and in `vital-gateway status`. */
  code: string;
  /**
   * What the circuit breaker does:
   * - `count`: after several failures in a row, finds out whether Vital as a whole is failing, and then opens
   * - `confirm`: finds that out immediately
   * - `wait`: opens for as long as Vital asks, and the other processes wait too
   * - `probe-key`: opens, and tries the API key again from time to time
   * - `close`: closes, because Vital responded
   */
  breaker: "count" | "confirm" | "wait" | "probe-key" | "close";
  /** Whether the failed call counts as an attempt on this user. */
  countsAsAttempt: boolean;
  /** Whether repeating the create cannot help: the mapping becomes `failed`, for an operator. */
  endsProvisioning: boolean;
  /** Whether the Vital user that the mapping names is unknown or deleted. */
  isUserMissing: boolean;
  /** Whether the failure concerns every user: then the queue pauses for the whole fleet instead of delaying one job. */
  pausesFleet: boolean;
  /** How long a job waits when Vital names no time, milliseconds. */
  jobWaitMs: number;
};

export type VitalErrorKind =
  /** No response, or a 5xx: the call may or may not have taken effect. */
  | "unavailable"
  /** A response with an unexpected body, or about another user: the call may or may not have taken effect. */
  | "invalid_response"
  /** Vital, or a proxy before it, has no such path: a wrong address, or an id that the path cannot carry. */
  | "unknown_path"
  /** 403 for one user. Whether it is about the API key is not known. */
  | "forbidden"
  /** 429, or 503 with a time to wait: every process must wait. */
  | "throttled"
  /** Vital refuses the API key, and only another key helps. */
  | "credentials_refused"
  /** Vital refuses this request for this user. */
  | "refused"
  /** The user is unknown or deleted. */
  | "not_found"
  /** The API key belongs to another team than the mappings. */
  | "wrong_team";

/** The only table that decides how the product reacts to a kind of failure. */
const vitalFailures: Readonly<Record<VitalErrorKind, VitalFailure>> = {
  unavailable: {
    code: "VITAL_UNAVAILABLE",
    breaker: "count",
    countsAsAttempt: true,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 2_000,
  },
  invalid_response: {
    code: "VITAL_INVALID_RESPONSE",
    breaker: "count",
    countsAsAttempt: true,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 2_000,
  },
  unknown_path: {
    code: "VITAL_UNKNOWN_PATH",
    breaker: "count",
    countsAsAttempt: true,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 2_000,
  },
  forbidden: {
    code: "VITAL_FORBIDDEN",
    breaker: "confirm",
    countsAsAttempt: true,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 2_000,
  },
  throttled: {
    code: "VITAL_THROTTLED",
    breaker: "wait",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: true,
    jobWaitMs: 5_000,
  },
  credentials_refused: {
    code: "VITAL_CREDENTIALS_REFUSED",
    breaker: "probe-key",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: true,
    jobWaitMs: 5_000,
  },
  refused: {
    code: "VITAL_REFUSED",
    breaker: "close",
    countsAsAttempt: true,
    endsProvisioning: true,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 2_000,
  },
  not_found: {
    code: "VITAL_NOT_FOUND",
    breaker: "close",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: true,
    pausesFleet: false,
    jobWaitMs: 2_000,
  },
  // Only a restart with another API key helps.
  wrong_team: {
    code: "VITAL_WRONG_TEAM",
    breaker: "close",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 60_000,
  },
};

type VitalErrorDetails = {
  status?: number;
  retryAfterMs?: number;
  wasCalled?: boolean;
  isConclusive?: boolean;
  cause?: unknown;
};

/** A call to Vital that failed. The message names the operation and the reason, and contains no secret. */
export class VitalError extends Error {
  override readonly name = "VitalError";
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** False when no request about the user was sent: then the failure says nothing about the user. */
  readonly wasCalled: boolean;
  /** False when Vital as a whole may have been failing: then the failure is not counted as one of this user. */
  readonly isConclusive: boolean;

  constructor(
    readonly kind: VitalErrorKind,
    message: string,
    details: VitalErrorDetails = {},
  ) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.wasCalled = details.wasCalled ?? true;
    this.isConclusive = details.isConclusive ?? true;
  }

  get failure(): VitalFailure {
    return vitalFailures[this.kind];
  }

  /** Whether a request was sent and its failure counts as an attempt on the user. */
  get isAttempt(): boolean {
    return this.wasCalled && this.isConclusive && this.failure.countsAsAttempt;
  }

  /** Returns the same error of a call that was made while Vital as a whole may have been failing. */
  asInconclusive(): VitalError {
    const { kind, message, status, retryAfterMs, wasCalled, cause } = this;
    return new VitalError(kind, message, {
      wasCalled,
      cause,
      isConclusive: false,
      ...(status !== undefined && { status }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }
}
