import { createHash } from "node:crypto";

/** Draws that are the same in every run with the same seed. */
export type SeededRandom = {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [min, max). */
  between(min: number, max: number): number;
  /** A whole number from min to max, both included. */
  integer(min: number, max: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  shuffle<T>(list: readonly T[]): T[];
  /** A source of its own for one purpose: what one part draws never changes what another one gets. */
  fork(purpose: string): SeededRandom;
};

/** Mulberry32: a small generator with a 32-bit state, good enough to spread faults. */
function createGenerator(name: string): () => number {
  let state = createHash("sha256").update(name).digest().readUInt32LE();
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function createRandom(seed: string): SeededRandom {
  const next = createGenerator(seed);
  const integer = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    between: (min, max) => min + next() * (max - min),
    integer,
    chance: (probability) => next() < probability,
    pick<T>(list: readonly T[]): T {
      const index = integer(0, list.length - 1);
      if (index < 0) throw new RangeError("There is nothing to pick from.");
      return list[index] as T;
    },
    shuffle<T>(list: readonly T[]): T[] {
      const keyed = list.map((item) => ({ item, key: next() }));
      return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item);
    },
    fork: (purpose) => createRandom(`${seed}/${purpose}`),
  };
}
