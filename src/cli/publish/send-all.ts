import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { SignupEvent } from "../../core/mapping/signup-event.js";
import { deliver, SendError, type Delivery } from "../../publisher/delivery.js";
import type { ReadLine } from "./read-signups.js";

/** Resolves when all events are acknowledged; throws a `SendError` otherwise. */
export type SendBatch = (id: string, events: readonly SignupEvent[], timeoutMs: number) => Promise<void>;

export type Tally = {
  /** Lines read, without those that an earlier run got acknowledged. */
  lines: number;
  sent: number;
  refused: number;
  skipped: number;
  /** Every line up to this one is acknowledged or rejected. */
  lastLine: number;
};

/** Why not everything was sent. */
export type Stop = { reason: "refused" | "deadline" | "aborted"; message: string };

/** Spreads work evenly: resolves when `count` more events may be sent. `perSecond` 0 is no limit. */
export function createPace(perSecond: number) {
  let freeAt = 0;
  return async (count: number, signal: AbortSignal): Promise<void> => {
    if (perSecond === 0) return;
    const now = performance.now();
    const startsAt = Math.max(now, freeAt);
    freeAt = startsAt + (count / perSecond) * 1000;
    if (startsAt > now) await delay(startsAt - now, undefined, { signal }).catch(() => undefined);
  };
}

type Pace = ReturnType<typeof createPace>;

export type SendAllOptions = {
  send: SendBatch;
  pace: Pace;
  batchSize: number;
  concurrency: number;
  /** How long one batch is retried, milliseconds. */
  batchDeadlineMs: number;
  /** Lines up to this one are skipped. */
  afterLine: number;
  signal: AbortSignal;
  onRefused: (line: number, problem: string) => void;
  onProgress: (tally: Tally) => Promise<void>;
};

type Batch = { lastLine: number; events: { line: number; event: SignupEvent }[]; isDone: boolean };

const toMessage = ({ cause }: Delivery & { ok: false }) =>
  cause instanceof Error ? cause.message : "it was not acknowledged";

/**
 * Sends the events of the lines in batches, a limited number of them concurrently. Stops at a failure that is not about
 * a single event.
 */
export async function sendAll(
  chunks: AsyncIterable<ReadLine[]>,
  options: SendAllOptions,
): Promise<{ tally: Tally; stop: Stop | null }> {
  const {
    send,
    pace,
    batchSize,
    concurrency,
    batchDeadlineMs: batchDeadlineMs,
    afterLine,
    signal,
    onProgress,
  } = options;
  const tally: Tally = { lines: 0, sent: 0, refused: 0, skipped: 0, lastLine: afterLine };
  /** Batches in the order of the input. `lastLine` advances while the first one is done. */
  const open: Batch[] = [];
  const inFlight = new Set<Promise<void>>();
  let stop: Stop | null = null;
  /** An error that ends the whole run, such as a file that cannot be written. */
  let failure: { error: unknown } | null = null;

  function refuse(line: number, problem: string): void {
    tally.refused += 1;
    options.onRefused(line, problem);
  }

  const tryToSend = (events: readonly SignupEvent[]) => {
    const id = `publish_${randomUUID()}`;
    return deliver((timeoutMs) => send(id, events, timeoutMs), {
      deadlineMs: batchDeadlineMs,
      signal,
      random: Math.random,
    });
  };

  const isAboutEvents = ({ cause }: Delivery & { ok: false }) =>
    cause instanceof SendError && cause.status === 400;

  /** Sends a batch, and its events one by one when the receiver rejects it: one event must not block the others. */
  async function sendBatch(batch: Batch["events"]): Promise<void> {
    const outcome = await tryToSend(batch.map(({ event }) => event));
    const [only] = batch;
    if (outcome.ok) tally.sent += batch.length;
    else if (!isAboutEvents(outcome)) stop ??= { reason: outcome.reason, message: toMessage(outcome) };
    else if (batch.length === 1 && only !== undefined) refuse(only.line, toMessage(outcome));
    else for (const one of batch) if (stop === null) await sendBatch([one]);
  }

  async function run(batch: Batch): Promise<void> {
    if (batch.events.length > 0) await sendBatch(batch.events);
    batch.isDone = stop === null;
    while (open[0]?.isDone) tally.lastLine = open.shift()?.lastLine ?? tally.lastLine;
    await onProgress({ ...tally }).catch((error: unknown) => {
      failure ??= { error };
    });
  }

  async function start(batch: Batch): Promise<void> {
    while (inFlight.size >= concurrency) await Promise.race(inFlight);
    await pace(batch.events.length, signal);
    if (isStopped()) return;
    open.push(batch);
    const running = run(batch);
    inFlight.add(running);
    void running.finally(() => inFlight.delete(running));
  }

  const isStopped = () => stop !== null || failure !== null || signal.aborted;

  const getCliError = () => failure;

  /** Collects events into batches, and rejects invalid lines, which count as part of the batch around them. */
  function* toBatches(lines: readonly ReadLine[]): Generator<Batch> {
    let batch: Batch = { lastLine: 0, events: [], isDone: false };
    for (const read of lines) {
      if (read.line <= afterLine) {
        tally.skipped += 1;
        continue;
      }
      tally.lines += 1;
      batch.lastLine = read.line;
      if ("event" in read) batch.events.push({ line: read.line, event: read.event });
      else refuse(read.line, read.problem);
      if (batch.events.length < batchSize) continue;
      yield batch;
      batch = { lastLine: 0, events: [], isDone: false };
    }
    if (batch.lastLine > 0) yield batch;
  }

  try {
    for await (const lines of chunks) {
      for (const batch of toBatches(lines)) {
        await start(batch);
        if (isStopped()) break;
      }
      if (isStopped()) break;
    }
  } catch (error) {
    // An abort destroys the input, which makes reading fail.
    if (!signal.aborted) throw error;
  } finally {
    await Promise.all(inFlight);
  }
  const failed = getCliError();
  if (failed !== null) throw failed.error;
  if (signal.aborted) stop = { reason: "aborted", message: "stopped" };
  return { tally, stop };
}
