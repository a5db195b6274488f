import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../core/clock.js";
import { untilAborted, withDeadline } from "../core/deadline.js";
import type { Turn } from "./semaphore.js";

/** One attempt failed. */
export class SendError extends Error {
  override readonly name = "SendError";
  /** Sending it again can never help. */
  readonly isFinal: boolean;
  readonly status: number | undefined;
  /** How long the other side asks to wait, milliseconds. */
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
  /** Asked for before each attempt; waiting for it is no part of the attempt. Without it an attempt begins at once. */
  takeTurn?: (() => Turn) | undefined;
};

/** Where things go at once when the other side is well, and a restart of it costs little. */
const backoff = { baseMs: 100, capMs: 5_000, minMs: 30 };
/** An attempt without an answer is given up after this, milliseconds: the next may find another server. */
const attemptTimeoutMs = 10_000;
/** Node.js takes a longer one for none at all. */
const longestTimerMs = 2 ** 31 - 1;

const takeTurnAtOnce = (): Turn => ({ whenBegun: Promise.resolve(), end: () => undefined });

/** Exponential with full jitter, and not before the other side wants it. */
function toWaitMs(attempt: number, error: unknown, random: Random): number {
  const ceiling = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 16));
  const waitMs = Math.max(backoff.minMs, random() * ceiling);
  const retryAfterMs = error instanceof SendError ? error.retryAfterMs : undefined;
  // Everybody was told the same time: spread, so that not all come back in one moment.
  return retryAfterMs === undefined ? waitMs : Math.max(waitMs, retryAfterMs * (1 + random() / 4));
}

/**
 * Sends until it is acknowledged, refused for good, or the deadline is reached. Never rejects, and never ends later
 * than that, whatever `send` does. `send` is given the time it has, milliseconds, and throws a {@link SendError} that
 * is final when another attempt cannot help.
 */
export async function deliver(
  send: (timeoutMs: number) => Promise<void>,
  { deadlineMs, signal, random, takeTurn = takeTurnAtOnce }: DeliveryOptions,
): Promise<Delivery> {
  const endsAt = performance.now() + deadlineMs;
  const toTimeoutMs = (maxMs: number) => Math.max(1, Math.ceil(Math.min(maxMs, endsAt - performance.now())));
  const within = (work: Promise<void>, timeoutMs: number, phrase: string) =>
    untilAborted(
      withDeadline(work, timeoutMs, () => new SendError(phrase)),
      signal,
    );

  async function attempt(): Promise<void> {
    const turn = takeTurn();
    try {
      await within(turn.whenBegun, toTimeoutMs(longestTimerMs), "other events were before it all the time");
    } catch (error) {
      turn.end();
      throw error;
    }
    const timeoutMs = toTimeoutMs(attemptTimeoutMs);
    // What is left behind goes on, and keeps its turn meanwhile.
    const sending = send(timeoutMs).finally(turn.end);
    await within(sending, timeoutMs, `no answer within ${timeoutMs} ms`);
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
