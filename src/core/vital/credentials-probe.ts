import { setTimeout as delay } from "node:timers/promises";
import type { VitalApi, VitalUser } from "./vital-api.js";
import { VitalError } from "./vital-error.js";

/** The wait after a probe that names no time, milliseconds. */
const defaultWaitMs = 1_000;

/**
 * Rejects when Vital does not respond, or responds with a server error. A refused key and a request to wait are responses.
 *
 * @param onUser called with the user in the response, if it has one.
 * @throws VitalError `unavailable`
 */
export async function assertResponding(
  vital: Pick<VitalApi, "findAnyUser">,
  onUser: (user: VitalUser) => void,
): Promise<void> {
  try {
    const user = await vital.findAnyUser();
    if (user !== null) onUser(user);
  } catch (error) {
    if (!(error instanceof VitalError) || error.kind === "unavailable") throw error;
  }
}

/**
 * Keeps asking Vital while it refuses the API key, so that a process with nothing to do also learns when Vital accepts
 * the key again. The calls go through the circuit breaker, which limits them to one per `credentialsProbeMs`, together
 * with the calls for users: a busy process makes no further calls.
 */
export function createCredentialsProbe({
  vital,
  onChange,
}: {
  /** The API behind the circuit breaker. */
  vital: Pick<VitalApi, "findAnyUser">;
  /** Called when Vital begins to refuse the key, and when it accepts the key again. */
  onChange: (areRefused: boolean) => void;
}) {
  const abort = new AbortController();
  let areRefused = false;
  let isRunning = false;

  /** Returns how long to wait before the next probe, milliseconds. */
  async function probe(): Promise<number> {
    try {
      await vital.findAnyUser();
      return defaultWaitMs;
    } catch (error) {
      return Math.max((error instanceof VitalError ? error.retryAfterMs : undefined) ?? 0, defaultWaitMs / 4);
    }
  }

  /** Returns false when the probe is closed during the wait. */
  const isWaitOver = (waitMs: number): Promise<boolean> =>
    delay(waitMs, true, { signal: abort.signal }).catch(() => false);

  async function run(): Promise<void> {
    isRunning = true;
    let waitMs = defaultWaitMs / 4;
    while (await isWaitOver(waitMs)) {
      // The breaker reports the verdict of a probe, as of any call, to `report`.
      if (!areRefused) break;
      waitMs = await probe();
    }
    isRunning = false;
  }

  return {
    /** Receives every verdict of Vital about the key. */
    report(isRefused: boolean): void {
      const isNews = isRefused !== areRefused;
      areRefused = isRefused;
      if (isNews) onChange(isRefused);
      if (isRefused && !isRunning) void run();
    },

    close(): void {
      abort.abort();
    },
  };
}
