/** Counts outcomes by kind, for the tables of the report. */
export function createCounters() {
  const counts = new Map<string, Map<string, number>>();
  return {
    increment(kind: string, outcome: string): void {
      const outcomes = counts.get(kind) ?? new Map<string, number>();
      counts.set(kind, outcomes);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    },
    get: (kind: string, outcome: string): number => counts.get(kind)?.get(outcome) ?? 0,
    /** Returns the outcomes of a kind with their counts, sorted by name. */
    list: (kind: string): (readonly [string, number])[] =>
      [...(counts.get(kind) ?? [])].sort(([one], [other]) => one.localeCompare(other)),
  };
}

export type Counters = ReturnType<typeof createCounters>;
