/**
 * Keeps lines back for a moment and drops them when all is done by then, so that a run where everything is at hand
 * prints nothing. What takes longer (a first download) is said as it happens.
 */
export function createDelayedPrinter(print: (line: string) => void, patienceMs = 3000) {
  const kept: string[] = [];
  let isPatient = true;
  const flush = () => {
    isPatient = false;
    for (const line of kept.splice(0)) print(line);
  };
  const timer = setTimeout(flush, patienceMs);
  return {
    say: (line: string): void => {
      if (isPatient) kept.push(line);
      else print(line);
    },
    /** Prints what was kept back, as before an error. */
    flush,
    /** All went well: forgets what was kept back; from now on every line is printed at once. */
    settle: (): void => {
      clearTimeout(timer);
      kept.length = 0;
      isPatient = false;
    },
  };
}
