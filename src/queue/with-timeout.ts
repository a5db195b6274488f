import { withDeadline } from "../core/deadline.js";

/** Bounds a command whose answer Redis may owe us for ever. The command itself may still land later. */
export const withTimeout = <T>(work: Promise<T>, timeoutMs: number): Promise<T> =>
  withDeadline(work, timeoutMs, () => new Error(`Redis did not answer within ${timeoutMs} ms`));
