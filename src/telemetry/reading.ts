import type { Clock } from "../core/clock.js";
import { endsWithin } from "../core/deadline.js";

/**
 * Returns a function that reads a value for a scrape, with a limit for how long the scrape waits. Scrapes within
 * `freshMs` share a value, and scrapes at the same time share a read. A read that takes longer than `deadlineMs` goes on,
 * and a scrape within `keepMs` after it uses its value.
 *
 * @returns the value, or `null` when it cannot be read: then the metric is absent instead of old.
 */
export function createReading<T>({
  read,
  now,
  freshMs,
  deadlineMs,
  keepMs,
}: {
  read: () => Promise<T>;
  now: Clock;
  freshMs: number;
  deadlineMs: number;
  keepMs: number;
}): () => Promise<T | null> {
  let last: { value: T; readAtMs: number } | null = null;
  let running: Promise<void> | null = null;

  async function readOnce(): Promise<void> {
    try {
      last = { value: await read(), readAtMs: now().getTime() };
    } catch {
      last = null;
    } finally {
      running = null;
    }
  }

  const getLast = (maxAgeMs: number): T | null =>
    last !== null && now().getTime() - last.readAtMs < maxAgeMs ? last.value : null;

  return async () => {
    const fresh = getLast(freshMs);
    if (fresh !== null) return fresh;
    running ??= readOnce();
    await endsWithin(running, deadlineMs);
    return getLast(keepMs);
  };
}

/** Returns whether `ask` succeeds within `deadlineMs`. Never rejects. */
export async function succeedsWithin(ask: () => Promise<unknown>, deadlineMs: number): Promise<boolean> {
  try {
    return await endsWithin(ask(), deadlineMs);
  } catch {
    return false;
  }
}
