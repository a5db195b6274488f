/** Counts by kind and what came of it, for the table at the end. */
export function createCounters() {
  const counts = new Map<string, Map<string, number>>();
  return {
    increment(kind: string, outcome: string): void {
      const outcomes = counts.get(kind) ?? new Map<string, number>();
      counts.set(kind, outcomes);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    },
    get: (kind: string, outcome: string): number => counts.get(kind)?.get(outcome) ?? 0,
    /** Outcomes of a kind by their names. */
    list: (kind: string): (readonly [string, number])[] =>
      [...(counts.get(kind) ?? [])].sort(([one], [other]) => one.localeCompare(other)),
  };
}

export type Counters = ReturnType<typeof createCounters>;
