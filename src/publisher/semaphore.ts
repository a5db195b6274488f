/** A place in the queue, and then a turn. */
export type Turn = {
  /** Resolves when the turn has come. */
  whenBegun: Promise<void>;
  /** Gives it back, or leaves the queue; a second call does nothing. */
  end: () => void;
};

type Place = { begin: () => void; hasLeft: boolean; next: Place | null };

/** Lets so many work at once; the others wait in the order in which they came. */
export function createTurns(maxAtOnce: number): () => Turn {
  let free = maxAtOnce;
  let first: Place | null = null;
  let last: Place | null = null;

  function passOn(): void {
    while (first?.hasLeft) first = first.next;
    const place = first;
    first = place?.next ?? null;
    if (first === null) last = null;
    if (place === null) free += 1;
    else place.begin();
  }

  function queue(place: Place): void {
    if (last === null) first = place;
    else last.next = place;
    last = place;
  }

  return () => {
    const place: Place = { begin: () => undefined, hasLeft: false, next: null };
    let hasBegun = free > 0;
    const whenBegun = new Promise<void>((resolve) => {
      place.begin = () => {
        hasBegun = true;
        resolve();
      };
    });
    if (hasBegun) {
      free -= 1;
      place.begin();
    } else queue(place);

    return {
      whenBegun,
      end() {
        if (place.hasLeft) return;
        place.hasLeft = true;
        if (hasBegun) passOn();
      },
    };
  };
}
