import { randomUUID } from "node:crypto";
import type { CliCommand, Output } from "./command.js";
import { openCheckpoint, type Checkpoint } from "./publish/checkpoint.js";
import { openInput, type Input } from "./publish/input.js";
import { declareOptions, readOptions, type PublishOptions } from "./publish/options.js";
import { createProgress } from "./publish/progress.js";
import { readSignups } from "./publish/read-signups.js";
import { createPace, sendAll, type Stop, type Tally } from "./publish/send-all.js";
import { openTarget, type Target } from "./publish/target.js";

const maxBatchSize = 500;
/** Between two batches of a slow run, milliseconds at most. */
const batchEveryMs = 500;
/** How long a batch is retried: long enough for a restart of the gateway. */
const batchDeadlineMs = 5 * 60_000;
const interrupted = 130;

const toBatchSize = (rate: number) =>
  rate === 0 ? maxBatchSize : Math.min(maxBatchSize, Math.ceil((rate * batchEveryMs) / 1000));

function toLines({ sent, refused, skipped, lastLine }: Tally, stop: Stop | null, options: PublishOptions) {
  const before = skipped > 0 ? `, ${skipped} already sent` : "";
  const lines = [`${sent} ${options.isDryRun ? "can be sent" : "sent"}, ${refused} rejected${before}`];
  if (stop === null) return lines;
  lines.push(`stopped after line ${lastLine}: ${stop.message}`);
  if (options.resumePath !== undefined) lines.push("run the same command again to continue from there");
  return lines;
}

type Parts = { input: Input; target: Target; checkpoint: Checkpoint | null };

/** Sends one input, and returns the exit code. */
async function send(parts: Parts, options: PublishOptions, signal: AbortSignal, output: Output) {
  const { input, target, checkpoint } = parts;
  const { isDryRun, rate, concurrency } = options;
  // Fails before anything is sent when the file cannot be written.
  if (!isDryRun) await checkpoint?.save(checkpoint.line);
  const progress = createProgress(process.stderr);
  const run = {
    id: `publish-${randomUUID().slice(0, 8)}`,
    startedAt: new Date(),
    mayBeCut: input.size === null,
  };
  const sending = sendAll(readSignups(input.chunks, input.format, run), {
    send: target.send,
    pace: createPace(isDryRun ? 0 : rate),
    batchSize: toBatchSize(rate),
    concurrency,
    batchDeadlineMs: batchDeadlineMs,
    afterLine: checkpoint?.line ?? 0,
    signal,
    onRefused(line, problem) {
      progress.print(`line ${line}: ${problem}`);
    },
    async onProgress({ sent, refused, lastLine }) {
      const share = input.size === null ? null : input.readBytes() / Math.max(1, input.size);
      progress.show({ sent, refused, share });
      if (!isDryRun) await checkpoint?.saveIfDue(lastLine);
    },
  });
  const { tally, stop } = await sending.finally(progress.end);
  if (!isDryRun) await checkpoint?.save(tally.lastLine);
  const ok = stop === null && tally.refused === 0;
  output.result({ ok, ...tally, dryRun: isDryRun }, () => toLines(tally, stop, options));
  if (stop?.reason === "aborted") return interrupted;
  return ok ? 0 : 1;
}

async function publish(path: string, options: PublishOptions, signal: AbortSignal, output: Output) {
  const { resumePath, format } = options;
  const checkpoint = resumePath === undefined ? null : await openCheckpoint(resumePath, path);
  const input = await openInput(path, { format, signal });
  try {
    const target = openTarget(options);
    try {
      return await send({ input, target, checkpoint }, options, signal, output);
    } finally {
      await target.close();
    }
  } finally {
    input.close();
  }
}

export const publishCommand: CliCommand = {
  declare: declareOptions,
  async run({ args: [path = "-"], options, output }) {
    const abort = new AbortController();
    const interrupt = () => {
      abort.abort();
    };
    // Once: a second Ctrl-C ends the process immediately.
    process.once("SIGINT", interrupt);
    try {
      return await publish(path, readOptions(options), abort.signal, output);
    } catch (error) {
      if (abort.signal.aborted) return interrupted;
      throw error;
    } finally {
      process.off("SIGINT", interrupt);
    }
  },
};
