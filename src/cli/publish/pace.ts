import { setTimeout as delay } from "node:timers/promises";

/** Spreads work evenly: resolves when so many more may begin. `perSecond` 0 is no limit. */
export function createPace(perSecond: number) {
  let freeAt = 0;
  return async (count: number, signal: AbortSignal): Promise<void> => {
    if (perSecond === 0) return;
    const now = performance.now();
    const startsAt = Math.max(now, freeAt);
    freeAt = startsAt + (count / perSecond) * 1000;
    if (startsAt > now) await delay(startsAt - now, undefined, { signal }).catch(() => undefined);
  };
}

export type Pace = ReturnType<typeof createPace>;
