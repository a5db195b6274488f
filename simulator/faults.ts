import { z } from "zod";

import { operationNames, type OperationName } from "./operation.js";

const scope = {
  operation: z.enum([...operationNames, "*"]).default("*"),
  /** How often it strikes; without it, until it is taken away. */
  times: z.int().min(1).optional(),
  /** The chance for each matching request, drawn from `seed`: the same seed strikes the same requests. */
  probability: z.number().min(0).max(1).default(1),
  seed: z.int().default(1),
};
const retryAfterSeconds = z.int().min(0).max(86_400).optional();
const status = z.int().min(200).max(599);

/** What may go wrong on demand. */
export const Fault = z.discriminatedUnion("kind", [
  /** Answers without doing the work; `body` in place of the usual one. */
  z.strictObject({
    ...scope,
    kind: z.literal("status"),
    status,
    retryAfterSeconds,
    body: z.unknown().optional(),
  }),
  /** Does the work after a wait, even when the caller has gone meanwhile. */
  z.strictObject({ ...scope, kind: z.literal("delay"), delayMs: z.int().min(0).max(600_000) }),
  /** Breaks the connection before the work. */
  z.strictObject({ ...scope, kind: z.literal("reset") }),
  /** Never answers and does no work. */
  z.strictObject({ ...scope, kind: z.literal("hang") }),
  /** Does the work, then breaks the connection, or answers `status` where one is given. */
  z.strictObject({
    ...scope,
    kind: z.literal("commit-then-fail"),
    status: status.optional(),
    retryAfterSeconds,
  }),
]);
export type Fault = z.infer<typeof Fault>;

/** Mulberry32: a small generator with a 32-bit state, good enough to spread faults. */
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
  let active: { fault: Fault; random: () => number; struck: number }[] = [];

  return {
    add(fault: Fault): void {
      active.push({ fault, random: createRandom(fault.seed), struck: 0 });
    },

    /** The first fault that strikes this request, which uses up one of its times; `null` for none. */
    takeMatching(operation: OperationName): Fault | null {
      const hit = active.find(
        ({ fault, random }) =>
          (fault.operation === "*" || fault.operation === operation) && random() < fault.probability,
      );
      if (hit === undefined) return null;
      hit.struck += 1;
      if (hit.struck === hit.fault.times) active = active.filter((entry) => entry !== hit);
      return hit.fault;
    },

    list: () => active.map(({ fault, struck }) => ({ ...fault, struck })),

    clear(): void {
      active = [];
    },
  };
}
export type Faults = ReturnType<typeof createFaults>;
