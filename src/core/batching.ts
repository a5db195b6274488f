/** The result of one item of a batch. */
export type Outcome<R> = { ok: true; value: R } | { ok: false; error: unknown };

type Waiting<T, R> = { item: T; resolve: (value: R) => void; reject: (error: unknown) => void };

/**
 * Combines concurrent calls into one round trip. Items added in the same turn of the event loop form a batch. Items that
 * arrive while `maxInFlight` batches are in flight form the next one. A single call waits only for the end of the turn.
 *
 * `run` returns one outcome per item, in order. When it rejects, every item of the batch rejects, and so do the waiting
 * items: while the service is unavailable, each would otherwise wait for another timeout, and the queue would grow.
 */
export function createBatcher<T, R>({
  run,
  maxItems,
  maxInFlight = 2,
}: {
  run: (items: readonly T[]) => Promise<readonly Outcome<R>[]>;
  maxItems: number;
  maxInFlight?: number;
}): (item: T) => Promise<R> {
  let waiting: Waiting<T, R>[] = [];
  let inFlight = 0;

  function settle(batch: readonly Waiting<T, R>[], outcomes: readonly Outcome<R>[]): void {
    batch.forEach(({ resolve, reject }, index) => {
      const outcome = outcomes[index];
      if (outcome === undefined) reject(new Error("a batch returned no outcome for one of its items"));
      else if (outcome.ok) resolve(outcome.value);
      else reject(outcome.error);
    });
  }

  function send(): void {
    const batch = waiting.length <= maxItems ? waiting : waiting.slice(0, maxItems);
    waiting = waiting.length <= maxItems ? [] : waiting.slice(maxItems);
    inFlight += 1;
    run(batch.map(({ item }) => item))
      .then(
        (outcomes) => {
          settle(batch, outcomes);
        },
        (error: unknown) => {
          const failed = [...batch, ...waiting];
          waiting = [];
          for (const { reject } of failed) reject(error);
        },
      )
      .finally(() => {
        inFlight -= 1;
        if (waiting.length > 0) send();
      });
  }

  function sendIfFree(): void {
    while (waiting.length > 0 && inFlight < maxInFlight) send();
  }

  return (item) =>
    new Promise<R>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (waiting.length === 1 && inFlight < maxInFlight) setImmediate(sendIfFree);
    });
}
