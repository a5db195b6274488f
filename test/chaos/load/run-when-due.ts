import { setTimeout as delay } from "node:timers/promises";

/**
 * Starts each piece of work at its time, in order, with at most `maxConcurrent` in progress. Resolves when all work is done.
 * A piece that is overdue, because others took long, starts immediately. After a failure no further work starts, and the
 * call rejects with the first failure once the work in progress is done.
 */
export async function runWhenDue<T extends { dueAtMs: number }>(
  pieces: readonly T[],
  { startedAtMs, maxConcurrent }: { startedAtMs: number; maxConcurrent: number },
  work: (piece: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for (const piece of pieces) {
    const waitMs = startedAtMs + piece.dueAtMs - performance.now();
    if (waitMs > 0) await delay(waitMs);
    while (running.size >= maxConcurrent) await Promise.race(running);
    if (failures.length > 0) break;
    const started = work(piece)
      .catch((error: unknown) => {
        failures.push(error);
      })
      .finally(() => running.delete(started));
    running.add(started);
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}
