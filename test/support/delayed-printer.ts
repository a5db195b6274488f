/**
 * Holds lines back for a moment, so that a quick start prints nothing. Once the delay is over (as in a first download),
 * it prints the lines so far and every further line immediately.
 */
export function createDelayedPrinter(write: (line: string) => void, delayMs = 3000) {
  const heldLines: string[] = [];
  let isHolding = true;
  const flush = () => {
    isHolding = false;
    for (const line of heldLines.splice(0)) write(line);
  };
  const timer = setTimeout(flush, delayMs);
  return {
    print: (line: string): void => {
      if (isHolding) heldLines.push(line);
      else write(line);
    },
    /** Prints the lines that were held back; call it before reporting an error. */
    flush,
    /** Drops the lines that were held back; from now on every line is printed immediately. */
    discard: (): void => {
      clearTimeout(timer);
      heldLines.length = 0;
      isHolding = false;
    },
  };
}
