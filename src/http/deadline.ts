import { withDeadline as withExactDeadline } from "../core/deadline.js";

/** Deadlines are kept to this many milliseconds: Node.js keeps one list of timers for each duration it is given. */
const grainMs = 50;

/**
 * Waits for `work` at most `timeoutMs` (rounded up to a twentieth of a second), then rejects with what `toError`
 * gives. The work itself goes on: whoever does it has a deadline of its own, and this is the guard for the case that
 * it does not hold.
 *
 * An answer that has arrived while the event loop was held up still counts: it is read before the deadline strikes.
 */
export function withDeadline<T>(
  work: T | Promise<T>,
  timeoutMs: number,
  toError: () => Error,
): T | Promise<T> {
  if (!(work instanceof Promise)) return work;
  return withExactDeadline(work, Math.ceil(timeoutMs / grainMs) * grainMs, toError);
}
