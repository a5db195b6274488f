import type { Clock, Random } from "../clock.js";
import type { VitalError } from "./vital-error.js";

/** Whether the circuit breaker is open, because of which failure, and until when. */
export function createBreakerState({
  now,
  random,
  rules,
}: {
  now: Clock;
  random: Random;
  rules: { minOpenMs: number; maxOpenMs: number };
}) {
  let openedBy: VitalError | null = null;
  let openUntilMs = 0;
  /** How often the breaker has opened since it was last closed. */
  let timesOpened = 0;

  /** Returns how long to stay open. It doubles with every opening; the jitter keeps processes from probing in step. */
  function backoffMs(): number {
    const ceiling = Math.min(rules.maxOpenMs, rules.minOpenMs * 2 ** Math.min(timesOpened, 10));
    return ceiling * (0.5 + random() / 2);
  }

  return {
    /** The failure that opened the breaker; null while it is closed. */
    openedBy: () => openedBy,
    /** How long it stays open; zero or less when a probe may be sent. */
    remainingMs: () => openUntilMs - now().getTime(),
    /** Opens for this long, or for a time that doubles with every opening. Returns by how much this extends the time. */
    open(error: VitalError, durationMs = backoffMs()): { untilMs: number; addedMs: number } {
      const knownMs = Math.max(openUntilMs, now().getTime());
      openedBy = error;
      openUntilMs = Math.max(openUntilMs, now().getTime() + durationMs);
      timesOpened += 1;
      return { untilMs: openUntilMs, addedMs: openUntilMs - knownMs };
    },
    close(): void {
      openedBy = null;
      timesOpened = 0;
    },
  };
}
