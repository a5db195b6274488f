import type { Clock, Random } from "../clock.js";
import { VitalError, type VitalApi } from "./vital-api.js";

export type CircuitBreakerRules = {
  /** Calls under way at once in this process; more are refused at once instead of queueing. */
  maxCallsInFlight: number;
  /** Failed calls in a row before the gate closes. */
  failureThreshold: number;
  /** How long it closes at first and at most; it doubles while the probes fail. */
  minOpenMs: number;
  maxOpenMs: number;
  /** How often a refused key is tried again. */
  credentialsProbeMs: number;
};

export const circuitBreakerRules: CircuitBreakerRules = {
  maxCallsInFlight: 512,
  failureThreshold: 5,
  minOpenMs: 1_000,
  maxOpenMs: 8_000,
  credentialsProbeMs: 10_000,
};

type Watcher = {
  /**
   * Vital asked everybody to wait: tell the other processes. `addedMs` is how much longer that is than was known: what
   * was under way at the first such answer comes back with another one each.
   */
  onThrottled?(untilAt: Date, addedMs: number): void;
  onCredentials?(refused: boolean): void;
};

/** Whether Vital says how long. "Wait no time at all" is no answer: taken at its word it would make a hot loop. */
const asksToWait = (error: VitalError): error is VitalError & { retryAfterMs: number } =>
  (error.retryAfterMs ?? 0) > 0;

/**
 * Decides whether Vital may be called now. Closed after failures in a row (breaker), while Vital has asked to wait
 * (429, 503) and while it refuses our key; then it opens by a single probe at a time. A call at a closed gate rejects
 * at once with the kind of error that closed it and the time to wait.
 */
export function createCircuitBreaker(
  vital: VitalApi,
  {
    now,
    random,
    rules,
    watcher = {},
  }: { now: Clock; random: Random; rules: CircuitBreakerRules; watcher?: Watcher },
): VitalApi & { pauseUntil(at: Date): void } {
  let inFlight = 0;
  let failuresInARow = 0;
  let closedBy: VitalError | null = null;
  let closedUntilMs = 0;
  let timesClosed = 0;
  let isProbing = false;
  /** Outlives a wait that Vital asks for meanwhile: that one says nothing about the key. */
  let isKeyRefused = false;

  function refuse(error: VitalError, retryAfterMs: number): never {
    const details = { retryAfterMs: Math.max(retryAfterMs, 100), wasCalled: false };
    throw new VitalError(error.kind, `not called: ${error.message}`, details);
  }

  /** Gives whether the call that enters is the probe. */
  function enter(): boolean {
    if (inFlight >= rules.maxCallsInFlight) {
      refuse(new VitalError("unavailable", "too many calls are under way"), rules.minOpenMs);
    }
    if (closedBy === null) return false;
    const remainingMs = closedUntilMs - now().getTime();
    if (remainingMs > 0) refuse(closedBy, remainingMs);
    if (isProbing) refuse(closedBy, rules.minOpenMs);
    isProbing = true;
    return true;
  }

  function open(): void {
    if (isKeyRefused) watcher.onCredentials?.(false);
    isKeyRefused = false;
    closedBy = null;
    failuresInARow = 0;
    timesClosed = 0;
  }

  function close(error: VitalError, durationMs: number): void {
    if (error.kind === "credentials_refused") {
      isKeyRefused = true;
      watcher.onCredentials?.(true);
    }
    closedBy = error;
    closedUntilMs = Math.max(closedUntilMs, now().getTime() + durationMs);
    timesClosed += 1;
  }

  /** The wait grows with every closing; jitter keeps processes from probing in step. */
  function backoffMs(): number {
    const ceiling = Math.min(rules.maxOpenMs, rules.minOpenMs * 2 ** Math.min(timesClosed, 10));
    return ceiling * (0.5 + random() / 2);
  }

  /** What a call of an open gate, or the probe of a closed one, says about Vital. */
  function learn(error: VitalError, isProbe: boolean): void {
    if (error.kind === "credentials_refused") {
      close(error, rules.credentialsProbeMs * (0.75 + random() / 2));
    } else if (error.kind === "throttled") {
      const knownMs = Math.max(closedUntilMs, now().getTime());
      close(error, asksToWait(error) ? error.retryAfterMs : backoffMs());
      if (closedUntilMs > knownMs) watcher.onThrottled?.(new Date(closedUntilMs), closedUntilMs - knownMs);
    } else if (error.kind === "unavailable") {
      failuresInARow += 1;
      if (isProbe || failuresInARow >= rules.failureThreshold) close(error, backoffMs());
    } else {
      // Vital answered; that it said no is another matter.
      open();
    }
  }

  /**
   * Calls that were under way when the gate closed say nothing new, unless Vital asks for a longer wait. That goes for
   * a probe too, when the gate was closed anew (`closedBy` is not what it was at the start) while it was under way.
   */
  function isNews(error: VitalError | null, probed: VitalError | null): boolean {
    return closedBy === probed || closedBy === null || (error?.kind === "throttled" && asksToWait(error));
  }

  async function pass<T>(call: () => Promise<T>): Promise<T> {
    const isProbe = enter();
    const probed = closedBy;
    inFlight += 1;
    try {
      const result = await call();
      if (isNews(null, probed)) open();
      return result;
    } catch (error) {
      if (error instanceof VitalError && isNews(error, probed)) learn(error, isProbe);
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

    /** Keeps this process from calling until then: another process was asked to wait. */
    pauseUntil(at) {
      const durationMs = at.getTime() - now().getTime();
      if (durationMs > 0) close(new VitalError("throttled", "Vital asked to wait"), durationMs);
    },
  };
}

export type CircuitBreaker = ReturnType<typeof createCircuitBreaker>;
