/**
 * Waits for `work` at most `timeoutMs`, then rejects with the error that `toError` returns. The work itself continues,
 * and its owner is responsible for its effects.
 *
 * A response that arrived while the event loop was blocked still counts: it is read before the deadline takes effect.
 */
export function withDeadline<T>(work: Promise<T>, timeoutMs: number, toError: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const rejectLate = () => {
      reject(toError());
    };
    const timer = setTimeout(() => setImmediate(rejectLate), timeoutMs);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the error of the work, unchanged
        reject(error);
      },
    );
  });
}

/**
 * Waits for `work` at most `timeoutMs`, and returns whether it ended in time. Rejects when the work fails within that
 * time; a later failure is ignored.
 */
export async function endsWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for `work` until the signal aborts, then rejects with its reason. The work itself continues. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  return Promise.race([work, aborted]).finally(() => {
    signal.removeEventListener("abort", onAbort);
  });
}
