/** A clock that stands until it is moved. */
export function createManualClock(startAt = "2026-11-22T10:00:00.000Z") {
  let nowMs = Date.parse(startAt);
  return {
    now: () => new Date(nowMs),
    advance(durationMs: number): void {
      nowMs += durationMs;
    },
  };
}

export type ManualClock = ReturnType<typeof createManualClock>;
