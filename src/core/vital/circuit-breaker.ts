import type { Clock, Random } from "../clock.js";
import { createBreakerState } from "./breaker-state.js";
import type { VitalApi } from "./vital-api.js";
import { VitalError } from "./vital-error.js";

export type CircuitBreakerRules = {
  /** The most calls in flight in this process. Further calls are rejected immediately instead of waiting. */
  maxCallsInFlight: number;
  /** After this many failed calls in a row, the breaker asks whether Vital as a whole is failing. */
  failureThreshold: number;
  /** The breaker opens when that question fails, or when there is no answer for this long and more calls fail. */
  answerWithinMs: number;
  /** How long the breaker stays open at first, and at most. The time doubles with every failed probe. */
  minOpenMs: number;
  maxOpenMs: number;
  /** How often a refused API key is tried again. */
  credentialsProbeMs: number;
};

export const circuitBreakerRules: CircuitBreakerRules = {
  maxCallsInFlight: 512,
  failureThreshold: 5,
  answerWithinMs: 1_000,
  minOpenMs: 1_000,
  maxOpenMs: 8_000,
  credentialsProbeMs: 10_000,
};

/** The shortest wait that a blocked call reports: "retry now" would cause a hot loop. */
const minRetryAfterMs = 100;

/** Whether Vital says how long to wait. "Wait 0 seconds" does not count: obeying it would cause a hot loop. */
const asksToWait = (error: VitalError): error is VitalError & { retryAfterMs: number } =>
  (error.retryAfterMs ?? 0) > 0;

/** The error of a call that was not sent: of the same kind as the error that blocks it, with the time to wait. */
function toBlockedError({ kind, message }: VitalError, retryAfterMs: number): VitalError {
  const details = { retryAfterMs: Math.max(retryAfterMs, minRetryAfterMs), wasCalled: false };
  return new VitalError(kind, `not called: ${message}`, details);
}

type CircuitOptions = {
  now: Clock;
  random: Random;
  rules: CircuitBreakerRules;
  /**
   * Called when Vital asks to wait until `untilAt`, so that the other processes wait too. `addedMs` is how much this
   * extends the known wait: every call that was in flight at the first such response may get another one.
   */
  onThrottled?: (untilAt: Date, addedMs: number) => void;
  /** Called when Vital refuses the API key, and when it accepts the key again. */
  onCredentials?: (areRefused: boolean) => void;
  /** Called when the breaker opens because Vital as a whole fails. */
  onFailing?: (error: VitalError) => void;
};

/**
 * The permission to make one call. Its owner reports how the call ended, and then releases it. `failed` returns the error
 * to throw.
 */
type Permit = { succeeded(): void; failed(error: VitalError): VitalError; release(): void };

/** A call about no user, which shows whether Vital as a whole is failing. */
type Question = {
  askedAtMs: number;
  /** What had opened the breaker when the question was asked, or since then because there was no answer. */
  openedBy: VitalError | null;
};

/** Makes the call about no user. Returns how Vital as a whole is failing, or `null` when it is not. */
async function findFailure(askVital: () => Promise<unknown>): Promise<VitalError | null> {
  try {
    await askVital();
    return null;
  } catch (error) {
    if (!(error instanceof VitalError)) return new VitalError("unavailable", "the request could not be sent");
    return error.failure.breaker === "close" ? null : error;
  }
}

/**
 * The breaker: open, half-open or closed. It opens when Vital as a whole is failing, while Vital asks to wait and while
 * Vital refuses the API key. Then it is half-open: one probe at a time, until one succeeds and closes it.
 *
 * A failure may belong to one user: Vital may reject, or never answer, each call about that user. So failures in a row,
 * and a failed probe, only raise the question whether Vital as a whole is failing. A call about no user answers it.
 */
function createCircuit(askVital: () => Promise<unknown>, options: CircuitOptions) {
  const { now, random, rules } = options;
  const state = createBreakerState(options);
  let failuresInARow = 0;
  let isProbing = false;
  let question: Question | null = null;
  /** When Vital last answered that it is not failing as a whole. */
  let lastAnsweredAtMs = -Infinity;
  /** Stays true when Vital asks to wait after it has refused the key: a request to wait says nothing about the key. */
  let isKeyRefused = false;

  function close(): void {
    if (isKeyRefused) options.onCredentials?.(false);
    isKeyRefused = false;
    failuresInARow = 0;
    state.close();
  }

  const reactions = {
    "probe-key"(error: VitalError): void {
      isKeyRefused = true;
      options.onCredentials?.(true);
      state.open(error, rules.credentialsProbeMs * (0.75 + random() / 2));
    },
    wait(error: VitalError): void {
      const { untilMs, addedMs } = state.open(error, asksToWait(error) ? error.retryAfterMs : undefined);
      if (addedMs > 0) options.onThrottled?.(new Date(untilMs), addedMs);
    },
    count(error: VitalError, isProbe: boolean): void {
      failuresInARow += 1;
      if (isProbe || failuresInARow >= rules.failureThreshold) confirm(error);
    },
    confirm,
    // Vital responded, so it is available. The caller handles the content of the response.
    close,
  };

  function openFailing(error: VitalError): void {
    state.open(error);
    options.onFailing?.(error);
  }

  /** Finds out whether Vital as a whole is failing, after a call that failed with this error. */
  function confirm(error: VitalError): void {
    const nowMs = now().getTime();
    if (question !== null) {
      const isLate = nowMs - question.askedAtMs >= rules.answerWithinMs;
      if (state.openedBy() !== null || !isLate) return;
      question.openedBy = error;
      openFailing(error);
    } else if (state.openedBy() !== null || nowMs - lastAnsweredAtMs >= rules.minOpenMs) {
      const asked: Question = { askedAtMs: nowMs, openedBy: state.openedBy() };
      question = asked;
      void findFailure(askVital).then((failure) => {
        question = null;
        isProbing = false;
        takeAnswer(asked, failure);
      });
    }
  }

  function takeAnswer(asked: Question, failure: VitalError | null): void {
    // If something else has opened the breaker since, such as a wait that Vital asked for, the answer is too old.
    const isOutdated = state.openedBy() !== asked.openedBy;
    if (failure === null) {
      lastAnsweredAtMs = now().getTime();
      if (!isOutdated) close();
      return;
    }
    const { breaker } = failure.failure;
    // A success since then shows that other calls pass.
    const isDoubtful = state.openedBy() !== null || failuresInARow >= rules.failureThreshold;
    if (breaker === "wait" || breaker === "probe-key") reactions[breaker](failure);
    else if (!isOutdated && isDoubtful) openFailing(failure);
  }

  /**
   * Returns a permit for one call.
   * @throws VitalError when the breaker blocks the call
   */
  function admit(): Permit {
    const openedByAtStart = state.openedBy();
    if (openedByAtStart !== null) {
      const remainingMs = state.remainingMs();
      if (remainingMs > 0) throw toBlockedError(openedByAtStart, remainingMs);
      if (isProbing) throw toBlockedError(openedByAtStart, rules.minOpenMs);
      isProbing = true;
    }
    const isProbe = openedByAtStart !== null;
    // A call that was in flight when the breaker opened says nothing new when it ends, and neither does a probe when the
    // breaker has opened again since the probe started.
    const isOutdated = () => state.openedBy() !== null && state.openedBy() !== openedByAtStart;
    return {
      succeeded() {
        if (!isOutdated()) close();
      },
      failed(error) {
        const { breaker } = error.failure;
        // A request to wait counts even then, because it may ask for a longer wait.
        if (!isOutdated() || (breaker === "wait" && asksToWait(error))) reactions[breaker](error, isProbe);
        return isProbe && breaker === "count" ? error.asInconclusive() : error;
      },
      release() {
        if (isProbe && question === null) isProbing = false;
      },
    };
  }

  return { admit, open: state.open };
}

/**
 * Decides whether Vital may be called now. While the breaker is open, a call rejects immediately, with the kind of error
 * that opened the breaker and the time to wait. A call above the limit of calls in flight rejects immediately too.
 */
export function createCircuitBreaker(
  vital: VitalApi,
  options: CircuitOptions,
): VitalApi & { blockUntil(at: Date): void } {
  const { now, rules } = options;
  const circuit = createCircuit(() => vital.findAnyUser(), options);
  let inFlight = 0;

  async function pass<T>(call: () => Promise<T>): Promise<T> {
    if (inFlight >= rules.maxCallsInFlight) {
      throw toBlockedError(new VitalError("unavailable", "too many calls are in flight"), rules.minOpenMs);
    }
    const permit = circuit.admit();
    inFlight += 1;
    try {
      const result = await call();
      permit.succeeded();
      return result;
    } catch (error) {
      throw error instanceof VitalError ? permit.failed(error) : error;
    } finally {
      inFlight -= 1;
      permit.release();
    }
  }

  return {
    createUser: (clientUserId) => pass(() => vital.createUser(clientUserId)),
    findUser: (clientUserId) => pass(() => vital.findUser(clientUserId)),
    findAnyUser: () => pass(() => vital.findAnyUser()),
    deleteUser: (vitalUserId) => pass(() => vital.deleteUser(vitalUserId)),
    createSignInToken: (vitalUserId) => pass(() => vital.createSignInToken(vitalUserId)),

    /** Blocks the calls of this process until `at`, because Vital asked another process to wait. */
    blockUntil(at) {
      const durationMs = at.getTime() - now().getTime();
      if (durationMs > 0) circuit.open(new VitalError("throttled", "Vital asked to wait"), durationMs);
    },
  };
}
