import type { Clock, Random } from "../clock.js";
import type { VitalApi } from "./vital-api.js";
import { VitalError } from "./vital-error.js";

export type CircuitBreakerRules = {
  /** Calls in flight at the same time in this process; further calls are rejected immediately instead of queueing. */
  maxCallsInFlight: number;
  /** Failed calls in a row that open the breaker. */
  failureThreshold: number;
  /** How long the breaker stays open at first, and at most; the time doubles with every failed probe. */
  minOpenMs: number;
  maxOpenMs: number;
  /** How often a refused API key is tried again. */
  credentialsProbeMs: number;
};

export const circuitBreakerRules: CircuitBreakerRules = {
  maxCallsInFlight: 512,
  failureThreshold: 5,
  minOpenMs: 1_000,
  maxOpenMs: 8_000,
  credentialsProbeMs: 10_000,
};

/** The shortest wait that a blocked call returns: "retry now" would make a hot loop. */
const minRetryAfterMs = 100;

/** Whether Vital says how long to wait. "Wait 0 seconds" does not count: obeying it would make a hot loop. */
const asksToWait = (error: VitalError): error is VitalError & { retryAfterMs: number } =>
  (error.retryAfterMs ?? 0) > 0;

/**
 * Decides whether Vital may be called now. The breaker opens, and blocks calls, after several failures in a row, while
 * Vital asks to wait (429, 503) and while Vital refuses the API key. Then it is half-open: one probe at a time, until
 * one succeeds and closes it. A blocked call rejects immediately, with the kind of error that opened the breaker and
 * the time to wait.
 */
export function createCircuitBreaker(
  vital: VitalApi,
  {
    now,
    random,
    rules,
    onThrottled = () => undefined,
    onCredentials = () => undefined,
  }: {
    now: Clock;
    random: Random;
    rules: CircuitBreakerRules;
    /**
     * Vital asked to wait until `untilAt`: the other processes should know. `addedMs` is how much longer that is than
     * known before. Each call that was in flight at the first such response may bring another one.
     */
    onThrottled?: (untilAt: Date, addedMs: number) => void;
    /** Vital refused the API key, or accepted it again. */
    onCredentials?: (areRefused: boolean) => void;
  },
): VitalApi & { blockUntil(at: Date): void } {
  let inFlight = 0;
  let failuresInARow = 0;
  /** The failure that opened the breaker; null while it is closed. */
  let openedBy: VitalError | null = null;
  let openUntilMs = 0;
  /** How often the breaker has opened since it was last closed. */
  let timesOpened = 0;
  let isProbing = false;
  /** Stays true when Vital asks to wait after it has refused the key: that says nothing about the key. */
  let isKeyRefused = false;

  function block(error: VitalError, retryAfterMs: number): never {
    const details = { retryAfterMs: Math.max(retryAfterMs, minRetryAfterMs), wasCalled: false };
    throw new VitalError(error.kind, `not called: ${error.message}`, details);
  }

  /** Lets a call through or throws. Returns whether the call is the probe of an open breaker. */
  function enter(): boolean {
    if (inFlight >= rules.maxCallsInFlight) {
      block(new VitalError("unavailable", "too many calls are in flight"), rules.minOpenMs);
    }
    if (openedBy === null) return false;
    const remainingMs = openUntilMs - now().getTime();
    if (remainingMs > 0) block(openedBy, remainingMs);
    if (isProbing) block(openedBy, rules.minOpenMs);
    isProbing = true;
    return true;
  }

  function close(): void {
    if (isKeyRefused) onCredentials(false);
    isKeyRefused = false;
    openedBy = null;
    failuresInARow = 0;
    timesOpened = 0;
  }

  function open(error: VitalError, durationMs: number): void {
    openedBy = error;
    openUntilMs = Math.max(openUntilMs, now().getTime() + durationMs);
    timesOpened += 1;
  }

  /** Doubles with every opening; the jitter keeps processes from probing in step. */
  function backoffMs(): number {
    const ceiling = Math.min(rules.maxOpenMs, rules.minOpenMs * 2 ** Math.min(timesOpened, 10));
    return ceiling * (0.5 + random() / 2);
  }

  const reactions = {
    "probe-key"(error: VitalError): void {
      isKeyRefused = true;
      onCredentials(true);
      open(error, rules.credentialsProbeMs * (0.75 + random() / 2));
    },
    wait(error: VitalError): void {
      const knownMs = Math.max(openUntilMs, now().getTime());
      open(error, asksToWait(error) ? error.retryAfterMs : backoffMs());
      if (openUntilMs > knownMs) onThrottled(new Date(openUntilMs), openUntilMs - knownMs);
    },
    count(error: VitalError, isProbe: boolean): void {
      failuresInARow += 1;
      if (isProbe || failuresInARow >= rules.failureThreshold) open(error, backoffMs());
    },
    // Vital responded. What the response says is the caller's concern.
    close,
  };

  /**
   * Whether the end of a call says something new. A call that was in flight when the breaker opened does not, unless
   * Vital asks for a longer wait. The same holds for a probe when the breaker opened again (`openedBy` has changed
   * since the probe started).
   */
  function isNews(error: VitalError | null, openedByAtStart: VitalError | null): boolean {
    if (openedBy === openedByAtStart || openedBy === null) return true;
    return error?.failure.breaker === "wait" && asksToWait(error);
  }

  async function pass<T>(call: () => Promise<T>): Promise<T> {
    const isProbe = enter();
    const openedByAtStart = openedBy;
    inFlight += 1;
    try {
      const result = await call();
      if (isNews(null, openedByAtStart)) close();
      return result;
    } catch (error) {
      if (error instanceof VitalError && isNews(error, openedByAtStart)) {
        reactions[error.failure.breaker](error, isProbe);
      }
      throw error;
    } finally {
      inFlight -= 1;
      if (isProbe) isProbing = false;
    }
  }

  return {
    createUser: (clientUserId) => pass(() => vital.createUser(clientUserId)),
    findUser: (clientUserId) => pass(() => vital.findUser(clientUserId)),
    findAnyUser: () => pass(() => vital.findAnyUser()),
    deleteUser: (vitalUserId) => pass(() => vital.deleteUser(vitalUserId)),
    createSignInToken: (vitalUserId) => pass(() => vital.createSignInToken(vitalUserId)),

    /** Blocks this process's calls until then: Vital asked another process to wait. */
    blockUntil(at) {
      const durationMs = at.getTime() - now().getTime();
      if (durationMs > 0) open(new VitalError("throttled", "Vital asked to wait"), durationMs);
    },
  };
}
