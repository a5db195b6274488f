import { setTimeout as delay } from "node:timers/promises";

/**
 * Begins each piece of work at its time, in order, with at most so many under way; resolves when all is done.
 * A piece that comes too late, because others took long, begins at once. Rejects with the first failure, after the
 * work that was under way is over; what was not begun by then is left out.
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
