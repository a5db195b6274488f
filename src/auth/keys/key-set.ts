import { withDeadline } from "../../core/deadline.js";
import { ServiceError } from "../../core/errors.js";
import type { Logger } from "../../telemetry/logger.js";
import { createKeyDocument, KeyDocumentError, type KeyDocumentOptions } from "./key-document.js";
import { createPublishedKeys, type FoundKey } from "./published-keys.js";
import type { SigningKey } from "./signing-keys.js";

/** Runs a function once after a delay, without keeping the process alive, and returns a function that cancels it. */
export type Schedule = (delayMs: number, run: () => void) => () => void;

export type KeySetStatus = {
  issuer: string;
  keys: number;
  succeededAt: Date | null;
  problem: string | null;
  /** The suggested fix of the problem, for an operator. */
  fix: string | null;
};

/** The keys of one issuer. */
export type KeySet = {
  /**
   * Finds the key for a token's `kid` and `alg`. Fetches the key set when the key is unknown, unless the last fetch was
   * less than ten seconds ago.
   *
   * @throws ServiceError `AUTH_UNAVAILABLE` when the issuer's keys are unavailable, so that the token cannot be checked
   */
  find(kid: string | undefined, algorithm: string): Promise<FoundKey>;
  /** Whether a key that `find` returned earlier is still in the key set. */
  isCurrent(key: SigningKey): boolean;
  /** Starts fetching in the background. Returns immediately, even when the issuer is down. */
  start(): void;
  /** Fetches the key set now. Never throws: `status` reports the problem. */
  refresh(): Promise<void>;
  close(): Promise<void>;
  status(): KeySetStatus;
};

/** Background refresh: a new key is known after this time even if no token uses it. */
const refreshEveryMs = 25_000;
/** The minimum time between two fetches that unknown `kid`s cause. */
const cooldownMs = 10_000;
const firstRetryMs = 1000;
/** The longest delay between two attempts while no keys are available and every request fails. */
const maxRetryWithoutKeysMs = 4000;

const unusableKeysFix =
  "configure the issuer to publish a public key for signatures with one of the accepted algorithms (AUTH_ALGORITHMS)";

type KeySetOptions = KeyDocumentOptions & {
  algorithms: readonly string[];
  schedule: Schedule;
  log: Logger;
  /** For one refresh: the discovery document and the key set together. */
  timeoutMs: number;
};

/**
 * Keeps the keys of one issuer. They are fetched in the background every 25 seconds, kept for a day while the issuer is
 * unavailable, and dropped as soon as a fetch shows that they are no longer published. Unknown `kid`s cause at most
 * one fetch in ten seconds, including failed fetches. A new key therefore works within 25 seconds whatever clients send,
 * and a flood of made-up kids does not reach the issuer.
 */
export function createKeySet(options: KeySetOptions): KeySet {
  const { issuer, schedule, log, timeoutMs } = options;
  const nowMs = () => options.now().getTime();
  const document = createKeyDocument(options);
  const keys = createPublishedKeys(options);
  const closing = new AbortController();
  let attemptedAt: number | null = null;
  let nextAttemptAt = 0;
  let failures = 0;
  let problem: string | null = "not fetched yet";
  let fix: string | null = null;
  let inFlight: Promise<void> | null = null;
  let cancelNext = (): void => undefined;

  const isCoolingDown = () => {
    const elapsed = attemptedAt === null ? -1 : nowMs() - attemptedAt;
    return elapsed >= 0 && elapsed < cooldownMs;
  };

  const logChange = (current: string | null, previous: string | null) => {
    if (current === previous) return;
    if (current === null) log.info({ issuer, keys: keys.size() }, "issuer keys fetched");
    else log.warn({ issuer, reason: current, keysKept: keys.size() }, "fetching issuer keys failed");
  };

  const loadWithTimeout = async () => {
    // Not `AbortSignal.any` or `AbortSignal.timeout`: on Node.js 20 a signal that is derived from another one can be
    // garbage collected while a request waits for it, and then never aborts.
    const attempt = new AbortController();
    const abort = () => {
      attempt.abort();
    };
    closing.signal.addEventListener("abort", abort);
    if (closing.signal.aborted) abort();
    try {
      const toError = () => new KeyDocumentError(`no response within ${timeoutMs} ms`, document.fetchFix());
      return await withDeadline(document.load(attempt.signal), timeoutMs, toError);
    } finally {
      closing.signal.removeEventListener("abort", abort);
      abort();
    }
  };

  const fetchOnce = async () => {
    const previousProblem = problem;
    try {
      problem = await keys.update(await loadWithTimeout());
      fix = problem === null ? null : unusableKeysFix;
      failures = 0;
    } catch (error) {
      problem = (error as Error).message;
      fix = error instanceof KeyDocumentError ? error.fix : unusableKeysFix;
      failures += 1;
    }
    attemptedAt = nowMs();
    if (closing.signal.aborted) return;
    logChange(problem, previousProblem);
    scheduleNext();
  };

  const refresh = (): Promise<void> => {
    cancelNext();
    inFlight ??= fetchOnce().finally(() => {
      inFlight = null;
    });
    return inFlight;
  };

  const scheduleNext = () => {
    const maxDelayMs = keys.areUsable() ? refreshEveryMs : maxRetryWithoutKeysMs;
    const delayMs =
      failures === 0 ? refreshEveryMs : Math.min(maxDelayMs, firstRetryMs * 2 ** (failures - 1));
    nextAttemptAt = nowMs() + delayMs;
    cancelNext = schedule(delayMs, () => void refresh());
  };

  return {
    async find(kid, algorithm) {
      const known = keys.find(kid, algorithm);
      if (known !== null) return known;
      if (!closing.signal.aborted && (inFlight !== null || !isCoolingDown())) await refresh();
      const found = keys.find(kid, algorithm);
      if (found !== null) return found;
      if (problem === null && keys.areUsable()) return { problem: "the issuer publishes no such key" };
      throw new ServiceError("AUTH_UNAVAILABLE", {
        reason: `keys of ${issuer}: ${problem ?? "fetched more than a day ago"}`,
        retryAfterMs: Math.max(firstRetryMs, nextAttemptAt - nowMs()),
      });
    },

    isCurrent: keys.has,
    start: () => void refresh(),
    refresh,

    async close() {
      closing.abort();
      cancelNext();
      await inFlight;
    },

    status: () => ({
      issuer,
      keys: keys.areUsable() ? keys.size() : 0,
      succeededAt: keys.fetchedAt(),
      problem,
      fix,
    }),
  };
}
