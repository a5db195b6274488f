/**
 * Runs work that takes a signal, and ends it after `timeoutMs` or when `closing` aborts: by the signal, and, should
 * the work not heed that, by not waiting for it any longer.
 *
 * `AbortSignal.any` and `AbortSignal.timeout` would not do: on Node.js 20 the one that was made of the other can be
 * collected as garbage while a request waits on it, and then never aborts.
 *
 * @throws Error what the work throws, or that there was no answer in time.
 */
export async function runWithin<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { timeoutMs, closing }: { timeoutMs: number; closing: AbortSignal },
): Promise<T> {
  const attempt = new AbortController();
  const ended = new Promise<never>((_resolve, reject) => {
    attempt.signal.addEventListener("abort", () => {
      reject(attempt.signal.reason as Error);
    });
  });
  const endWith = (why: string) => () => {
    attempt.abort(new Error(why));
  };
  const close = endWith("closed");
  const timer = setTimeout(endWith("no answer in time"), timeoutMs);
  closing.addEventListener("abort", close);
  if (closing.aborted) close();
  try {
    return await Promise.race([work(attempt.signal), ended]);
  } finally {
    clearTimeout(timer);
    closing.removeEventListener("abort", close);
  }
}
