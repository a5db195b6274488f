import type { Clock } from "../../../src/auth/keys/key-set.js";

/** A clock that stands until it is moved; what is due then runs in order. */
export function createManualClock(startAt = Date.parse("2026-11-22T10:00:00Z")) {
  let at = startAt;
  let timers: { at: number; run: () => void }[] = [];
  const clock: Clock & { advance(ms: number): void } = {
    now: () => at,
    schedule(delayMs, run) {
      const timer = { at: at + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const end = at + ms;
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers = timers.filter((other) => other !== next);
        at = next.at;
        next.run();
      }
      at = end;
    },
  };
  return clock;
}
