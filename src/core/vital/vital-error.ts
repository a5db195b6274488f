/** How the product reacts to one kind of failure. */
type VitalFailure = {
  /**
   * What the circuit breaker does:
   * - `count`: opens after several failures in a row
   * - `wait`: opens for as long as Vital asks, and the other processes wait too
   * - `probe-key`: opens, and tries the API key again from time to time
   * - `close`: closes, because Vital responded
   */
  breaker: "count" | "wait" | "probe-key" | "close";
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
  /** No response, an invalid one, or a 5xx: the call may or may not have taken effect. */
  | "unavailable"
  /** 429 or 503: every process must wait. */
  | "throttled"
  /** 401 or 403: Vital refuses the API key, and only another key helps. */
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
    breaker: "count",
    countsAsAttempt: true,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 2_000,
  },
  throttled: {
    breaker: "wait",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: true,
    jobWaitMs: 5_000,
  },
  credentials_refused: {
    breaker: "probe-key",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: true,
    jobWaitMs: 5_000,
  },
  refused: {
    breaker: "close",
    countsAsAttempt: true,
    endsProvisioning: true,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 2_000,
  },
  not_found: {
    breaker: "close",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: true,
    pausesFleet: false,
    jobWaitMs: 2_000,
  },
  // Only a restart with another API key helps.
  wrong_team: {
    breaker: "close",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 60_000,
  },
};

type VitalErrorDetails = { status?: number; retryAfterMs?: number; wasCalled?: boolean; cause?: unknown };

/** A call to Vital that failed. The message names the operation and the reason, and contains no secret. */
export class VitalError extends Error {
  override readonly name = "VitalError";
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** False when no request about the user was sent: then the failure says nothing about the user. */
  readonly wasCalled: boolean;

  constructor(
    readonly kind: VitalErrorKind,
    message: string,
    details: VitalErrorDetails = {},
  ) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.wasCalled = details.wasCalled ?? true;
  }

  get failure(): VitalFailure {
    return vitalFailures[this.kind];
  }

  /** Whether a request was sent and its failure counts as an attempt on the user. */
  get isAttempt(): boolean {
    return this.wasCalled && this.failure.countsAsAttempt;
  }
}
