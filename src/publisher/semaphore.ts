/** The right to do one piece of work, or the wait for it. */
export type Permit = {
  /** Resolves when the work may start. */
  whenAcquired: Promise<void>;
  /** Returns the permit, or stops waiting for it. A second call does nothing. */
  release: () => void;
};

type Waiter = { start: () => void; isReleased: boolean; next: Waiter | null };

/** Limits how many pieces of work run concurrently. The others wait in the order in which they asked. */
export function createSemaphore(maxConcurrent: number): () => Permit {
  let free = maxConcurrent;
  let first: Waiter | null = null;
  let last: Waiter | null = null;

  function passOn(): void {
    while (first?.isReleased) first = first.next;
    const waiter = first;
    first = waiter?.next ?? null;
    if (first === null) last = null;
    if (waiter === null) free += 1;
    else waiter.start();
  }

  function enqueue(waiter: Waiter): void {
    if (last === null) first = waiter;
    else last.next = waiter;
    last = waiter;
  }

  return () => {
    const waiter: Waiter = { start: () => undefined, isReleased: false, next: null };
    let isAcquired = free > 0;
    const whenAcquired = new Promise<void>((resolve) => {
      waiter.start = () => {
        isAcquired = true;
        resolve();
      };
    });
    if (isAcquired) {
      free -= 1;
      waiter.start();
    } else enqueue(waiter);

    return {
      whenAcquired,
      release() {
        if (waiter.isReleased) return;
        waiter.isReleased = true;
        if (isAcquired) passOn();
      },
    };
  };
}
