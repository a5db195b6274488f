import { z } from "zod";

import { operationNames, type OperationName } from "./operation.js";

const scope = {
  operation: z.enum([...operationNames, "*"]).default("*"),
  /** How many requests it affects; by default all, until it is removed. */
  times: z.int().min(1).optional(),
  /** The probability for each matching request, drawn from `seed`: the same seed affects the same requests. */
  probability: z.number().min(0).max(1).default(1),
  seed: z.int().default(1),
};
const retryAfterSeconds = z.int().min(0).max(86_400).optional();
const status = z.int().min(200).max(599);

/** A failure that the simulator produces on demand. */
export const Fault = z.discriminatedUnion("kind", [
  /** Responds without doing the work; `body` replaces the usual body. */
  z.strictObject({
    ...scope,
    kind: z.literal("status"),
    status,
    retryAfterSeconds,
    body: z.unknown().optional(),
  }),
  /** Does the work after a delay, even if the client has disconnected by then. */
  z.strictObject({ ...scope, kind: z.literal("delay"), delayMs: z.int().min(0).max(600_000) }),
  /** Resets the connection before the work. */
  z.strictObject({ ...scope, kind: z.literal("reset") }),
  /** Never responds and does no work. */
  z.strictObject({ ...scope, kind: z.literal("hang") }),
  /** Does the work, then closes the connection, or responds with `status` when it is set. */
  z.strictObject({
    ...scope,
    kind: z.literal("commit-then-fail"),
    status: status.optional(),
    retryAfterSeconds,
  }),
]);
export type Fault = z.infer<typeof Fault>;

/** Mulberry32: a small random generator with a 32-bit state, good enough to distribute faults. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The active faults, in the order in which they were added. */
export function createFaults() {
  let active: { fault: Fault; random: () => number; timesApplied: number }[] = [];

  return {
    add(fault: Fault): void {
      active.push({ fault, random: createRandom(fault.seed), timesApplied: 0 });
    },

    /** Returns the first fault that applies to this request and counts it as applied, or returns `null`. */
    takeMatching(operation: OperationName): Fault | null {
      const match = active.find(
        ({ fault, random }) =>
          (fault.operation === "*" || fault.operation === operation) && random() < fault.probability,
      );
      if (match === undefined) return null;
      match.timesApplied += 1;
      if (match.timesApplied === match.fault.times) active = active.filter((entry) => entry !== match);
      return match.fault;
    },

    list: () => active.map(({ fault, timesApplied }) => ({ ...fault, struck: timesApplied })),

    clear(): void {
      active = [];
    },
  };
}
export type Faults = ReturnType<typeof createFaults>;
