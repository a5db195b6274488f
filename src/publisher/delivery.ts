import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../core/clock.js";
import { untilAborted, withDeadline } from "../core/deadline.js";
import type { Permit } from "./semaphore.js";

/** One attempt failed. */
export class SendError extends Error {
  override readonly name = "SendError";
  /** Another attempt cannot help. */
  readonly isFinal: boolean;
  readonly status: number | undefined;
  /** How long the receiver asks to wait, milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    details: { isFinal?: boolean; status?: number; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.isFinal = details.isFinal ?? false;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}

export type Delivery =
  { ok: true } | { ok: false; reason: "refused" | "deadline" | "aborted"; cause: unknown };

export type DeliveryOptions = {
  /** For all attempts together, milliseconds. */
  deadlineMs: number;
  signal?: AbortSignal | undefined;
  random: Random;
  /** Called before each attempt. The wait is not part of the attempt. Without it an attempt starts immediately. */
  acquirePermit?: (() => Permit) | undefined;
};

/** Short waits: a healthy receiver responds quickly, and a restart of it is over soon. */
const backoff = { baseMs: 100, capMs: 5_000, minMs: 30 };
/** An attempt without a response ends after this, milliseconds: the next may reach another server. */
const attemptTimeoutMs = 10_000;
/** Node.js fires a timer with a longer delay immediately. */
const longestTimerMs = 2 ** 31 - 1;

/** Why an event was never sent when all its time passed while it waited. */
export const waitedTooLong = "the event waited for earlier events until its deadline";

const createFreePermit = (): Permit => ({ whenAcquired: Promise.resolve(), release: () => undefined });

/** Exponential backoff with full jitter, and not before the receiver wants the next attempt. */
function toWaitMs(attempt: number, error: unknown, random: Random): number {
  const ceiling = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 16));
  const waitMs = Math.max(backoff.minMs, random() * ceiling);
  const retryAfterMs = error instanceof SendError ? error.retryAfterMs : undefined;
  // Every sender received the same wait: spread the attempts, so that they do not all arrive in one moment.
  return retryAfterMs === undefined ? waitMs : Math.max(waitMs, retryAfterMs * (1 + random() / 4));
}

/**
 * Calls `send` until it resolves, fails for good, or the deadline is reached. Never rejects, and never takes longer
 * than the deadline, whatever `send` does. `send` receives its timeout in milliseconds, and throws a {@link SendError}
 * that is final when another attempt cannot help.
 */
export async function deliver(
  send: (timeoutMs: number) => Promise<void>,
  { deadlineMs, signal, random, acquirePermit = createFreePermit }: DeliveryOptions,
): Promise<Delivery> {
  const endsAt = performance.now() + deadlineMs;
  const toTimeoutMs = (maxMs: number) => Math.max(1, Math.ceil(Math.min(maxMs, endsAt - performance.now())));
  const within = (work: Promise<void>, timeoutMs: number, message: string) =>
    untilAborted(
      withDeadline(work, timeoutMs, () => new SendError(message)),
      signal,
    );

  async function attempt(): Promise<void> {
    const permit = acquirePermit();
    try {
      await within(permit.whenAcquired, toTimeoutMs(longestTimerMs), waitedTooLong);
    } catch (error) {
      permit.release();
      throw error;
    }
    const timeoutMs = toTimeoutMs(attemptTimeoutMs);
    // After a timeout `send` continues, and keeps its permit until it ends.
    const sending = send(timeoutMs).finally(permit.release);
    await within(sending, timeoutMs, `no response within ${timeoutMs} ms`);
  }

  for (let attempts = 1; ; attempts += 1) {
    if (signal?.aborted) return { ok: false, reason: "aborted", cause: signal.reason };
    try {
      await attempt();
      return { ok: true };
    } catch (cause) {
      if (signal?.aborted) return { ok: false, reason: "aborted", cause: signal.reason };
      if (cause instanceof SendError && cause.isFinal) return { ok: false, reason: "refused", cause };
      const waitMs = toWaitMs(attempts, cause, random);
      if (performance.now() + waitMs >= endsAt) return { ok: false, reason: "deadline", cause };
      await delay(waitMs, undefined, { ...(signal !== undefined && { signal }) }).catch(() => undefined);
    }
  }
}
