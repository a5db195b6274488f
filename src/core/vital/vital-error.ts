import type { ErrorCode } from "../errors.js";

/** Everything that follows from one kind of failure. */
type VitalFailure = {
  /**
   * What the circuit breaker does:
   * - `count`: opens after several failures in a row
   * - `wait`: opens for as long as Vital asks, and the other processes wait too
   * - `probe-key`: opens, and tries the API key again from time to time
   * - `close`: Vital responded, so nothing speaks against further calls
   */
  breaker: "count" | "wait" | "probe-key" | "close";
  /** Whether a call that failed so counts as an attempt on this user. */
  countsAsAttempt: boolean;
  /** Whether repeating the create cannot help: the mapping becomes `failed`, for an operator. */
  endsProvisioning: boolean;
  /** Whether the mapping names a Vital user that does not exist (any more). */
  isUserMissing: boolean;
  /** Whether it concerns every user: the queue pauses for the whole fleet instead of delaying one job. */
  pausesFleet: boolean;
  /** How long a job waits when Vital does not say how long, milliseconds. */
  jobWaitMs: number;
  /** What the viewer's app receives when a sign-in token could not be issued. */
  callerCode: ErrorCode;
};

export type VitalErrorKind =
  /** No response, an invalid one, or a 5xx: the call may or may not have taken effect. */
  | "unavailable"
  /** 429 or 503: every process has to wait. */
  | "throttled"
  /** 401 or 403: Vital refuses the API key, and only another key helps. */
  | "credentials_refused"
  /** Vital refuses this request for this user. */
  | "refused"
  /** The user is unknown or deleted. */
  | "not_found"
  /** The response comes from another team than the one that the mappings belong to. */
  | "wrong_team";

/** The one place that decides what a kind of failure means. */
const vitalFailures: Readonly<Record<VitalErrorKind, VitalFailure>> = {
  unavailable: {
    breaker: "count",
    countsAsAttempt: true,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 2_000,
    callerCode: "VITAL_UNAVAILABLE",
  },
  throttled: {
    breaker: "wait",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: true,
    jobWaitMs: 5_000,
    callerCode: "VITAL_UNAVAILABLE",
  },
  credentials_refused: {
    breaker: "probe-key",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: true,
    jobWaitMs: 5_000,
    callerCode: "VITAL_UNAVAILABLE",
  },
  refused: {
    breaker: "close",
    countsAsAttempt: true,
    endsProvisioning: true,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 2_000,
    callerCode: "VITAL_UNAVAILABLE",
  },
  not_found: {
    breaker: "close",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: true,
    pausesFleet: false,
    jobWaitMs: 2_000,
    callerCode: "VITAL_UNAVAILABLE",
  },
  // Only another key helps, and with it another process.
  wrong_team: {
    breaker: "close",
    countsAsAttempt: false,
    endsProvisioning: false,
    isUserMissing: false,
    pausesFleet: false,
    jobWaitMs: 60_000,
    callerCode: "VITAL_UNAVAILABLE",
  },
};

type VitalErrorDetails = { status?: number; retryAfterMs?: number; wasCalled?: boolean; cause?: unknown };

/** A call to Vital that failed. The message is written by the gateway and carries no secret. */
export class VitalError extends Error {
  override readonly name = "VitalError";
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** False when the call never left this process: then the failure says nothing about the user. */
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

  /** Whether this was a real attempt on the user. */
  get isAttempt(): boolean {
    return this.wasCalled && this.failure.countsAsAttempt;
  }
}
