import type { Clock, Random } from "../clock.js";
import type { VitalApi } from "./vital-api.js";
import { VitalError } from "./vital-error.js";

export type CircuitBreakerRules = {
  /** The most calls in flight in this process. Further calls are rejected immediately instead of waiting. */
  maxCallsInFlight: number;
  /** Failed calls in a row that open the breaker. */
  failureThreshold: number;
  /** How long the breaker stays open at first, and at most. The time doubles with every failed probe. */
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
};

/** The permission to make one call. Its owner reports how the call ended, and then releases it. */
type Permit = { succeeded(): void; failed(error: VitalError): void; release(): void };

/**
 * The state of the breaker: open, half-open or closed. It opens after several failures in a row, while Vital asks to
 * wait (429, 503) and while Vital refuses the API key. Then it is half-open: one probe at a time, until one succeeds and
 * closes it.
 */
function createCircuit({
  now,
  random,
  rules,
  onThrottled = () => undefined,
  onCredentials = () => undefined,
}: CircuitOptions) {
  let failuresInARow = 0;
  /** The failure that opened the breaker; null while it is closed. */
  let openedBy: VitalError | null = null;
  let openUntilMs = 0;
  /** How often the breaker has opened since it was last closed. */
  let timesOpened = 0;
  let isProbing = false;
  /** Stays true when Vital asks to wait after it has refused the key: a request to wait says nothing about the key. */
  let isKeyRefused = false;

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

  /** Returns how long to stay open. It doubles with every opening; the jitter keeps processes from probing in step. */
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
    // Vital responded, so it is available. The caller handles the content of the response.
    close,
  };

  /**
   * Returns a permit for one call.
   * @throws VitalError when the breaker blocks the call
   */
  function admit(): Permit {
    const openedByAtStart = openedBy;
    if (openedByAtStart !== null) {
      const remainingMs = openUntilMs - now().getTime();
      if (remainingMs > 0) throw toBlockedError(openedByAtStart, remainingMs);
      if (isProbing) throw toBlockedError(openedByAtStart, rules.minOpenMs);
      isProbing = true;
    }
    const isProbe = openedByAtStart !== null;
    // A call that was in flight when the breaker opened says nothing new when it ends, and neither does a probe when the
    // breaker has opened again since the probe started.
    const isOutdated = () => openedBy !== null && openedBy !== openedByAtStart;
    return {
      succeeded() {
        if (!isOutdated()) close();
      },
      failed(error) {
        const { breaker } = error.failure;
        // A request to wait counts even then, because it may ask for a longer wait.
        if (!isOutdated() || (breaker === "wait" && asksToWait(error))) reactions[breaker](error, isProbe);
      },
      release() {
        if (isProbe) isProbing = false;
      },
    };
  }

  return { admit, open };
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
  const circuit = createCircuit(options);
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
      if (error instanceof VitalError) permit.failed(error);
      throw error;
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
