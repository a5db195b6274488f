/**
 * Waits for `work` at most `timeoutMs`, then rejects with what `toError` gives. The work itself goes on: whoever
 * does it has a deadline of its own, and this is the guard for the case that it does not hold.
 *
 * An answer that has arrived while the event loop was held up still counts: it is read before the deadline strikes.
 */
export async function withDeadline<T>(
  work: T | Promise<T>,
  timeoutMs: number,
  toError: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      setImmediate(() => {
        reject(toError());
      });
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
