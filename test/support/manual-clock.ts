type Timer = { atMs: number; run: () => void };

/**
 * A clock that moves only when the test advances it. Timers of `schedule` run in order as the clock reaches them, and
 * `now()` returns the time of the timer while it runs.
 */
export function createManualClock(startAt = "2026-11-22T10:00:00.000Z") {
  let nowMs = Date.parse(startAt);
  let timers: Timer[] = [];

  return {
    now: () => new Date(nowMs),

    /** Runs `run` after `delayMs`; returns a function that cancels it. */
    schedule(delayMs: number, run: () => void): () => void {
      const timer = { atMs: nowMs + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },

    advance(durationMs: number): void {
      const endMs = nowMs + durationMs;
      for (;;) {
        const [next] = timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers = timers.filter((other) => other !== next);
        nowMs = next.atMs;
        next.run();
      }
      nowMs = endMs;
    },
  };
}
