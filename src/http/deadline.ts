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
  return new Promise((resolve, reject) => {
    const strike = () => {
      reject(toError());
    };
    const timer = setTimeout(() => setImmediate(strike), Math.ceil(timeoutMs / grainMs) * grainMs);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what the work threw, as it is
        reject(error);
      },
    );
  });
}
