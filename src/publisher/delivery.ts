import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../core/clock.js";

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
};

/** Where things go at once when the other side is well, and a restart of it costs little. */
const backoff = { baseMs: 100, capMs: 5_000, minMs: 30 };
/** An attempt without an answer is given up after this, milliseconds: the next may find another server. */
const attemptTimeoutMs = 10_000;

/** Exponential with full jitter, and not before the other side wants it. */
function toWaitMs(attempt: number, error: unknown, random: Random): number {
  const ceiling = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 16));
  const waitMs = Math.max(backoff.minMs, random() * ceiling);
  const retryAfterMs = error instanceof SendError ? error.retryAfterMs : undefined;
  // Everybody was told the same time: spread, so that not all come back in one moment.
  return retryAfterMs === undefined ? waitMs : Math.max(waitMs, retryAfterMs * (1 + random() / 4));
}

/** Leaves work behind when the signal says so: rejects with its reason. */
async function abortable(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
  return Promise.race([work, aborted]).finally(() => {
    signal.removeEventListener("abort", onAbort);
  });
}

/**
 * Sends until it is acknowledged, refused for good, or the deadline is reached. Never rejects. `send` is given the
 * time it has, and throws a {@link SendError} that is final when another attempt cannot help.
 */
export async function deliver(
  send: (timeoutMs: number) => Promise<void>,
  { deadlineMs, signal, random }: DeliveryOptions,
): Promise<Delivery> {
  const endsAt = performance.now() + deadlineMs;
  for (let attempt = 1; ; attempt += 1) {
    if (signal?.aborted) return { ok: false, reason: "aborted", cause: signal.reason };
    const remainingMs = Math.max(1, endsAt - performance.now());
    try {
      await abortable(send(Math.min(attemptTimeoutMs, remainingMs)), signal);
      return { ok: true };
    } catch (cause) {
      if (signal?.aborted) return { ok: false, reason: "aborted", cause: signal.reason };
      if (cause instanceof SendError && cause.isFinal) return { ok: false, reason: "refused", cause };
      const waitMs = toWaitMs(attempt, cause, random);
      if (performance.now() + waitMs >= endsAt) return { ok: false, reason: "deadline", cause };
      await delay(waitMs, undefined, { ...(signal !== undefined && { signal }) }).catch(() => undefined);
    }
  }
}
