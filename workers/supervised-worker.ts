import type { Random } from "../src/core/clock.js";
import type { JobWorker } from "./job-worker.js";

/** The wait before the first restart; it doubles up to the maximum, milliseconds. */
const firstRestartMs = 1_000;
const maxRestartMs = 15_000;
/** A restarted worker that Redis has not refused for this long works again, milliseconds. */
const settledMs = 3_000;
/** How long the stopped worker waits for its jobs in progress, milliseconds. */
const closeGraceMs = 10_000;

/** The part of a job worker that is supervised. */
type Supervised = Pick<JobWorker, "idleMs" | "hasStartedJob" | "close">;

/**
 * Runs a worker that stops when Redis refuses a command that it needs: a missing permission, a read-only replica, no
 * memory, a cluster node, an old version. The worker is replaced by a new one after a growing wait, until Redis accepts
 * its commands. BullMQ itself would repeat the command without a pause.
 */
export function startSupervisedWorker({
  start,
  onRefused,
  onAccepted,
  random,
}: {
  /** Starts the worker, which calls `onStopped` once if it stops itself. */
  start: (onStopped: (error: Error) => void) => Supervised;
  /** Called each time the worker has stopped, with the error of Redis. */
  onRefused: (error: Error) => void;
  /** Called when a new worker has worked for a while after one was refused. */
  onAccepted: () => void;
  random: Random;
}) {
  let refusals = 0;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let worker = startNext();
  const closing = new Set<Promise<void>>();

  function startNext(): Supervised {
    return start((error) => {
      // BullMQ reports the error in a microtask, possibly before `start` has returned.
      setImmediate(stopped, error);
    });
  }

  function stopped(error: Error): void {
    if (isClosed) return;
    refusals += 1;
    onRefused(error);
    const closed = worker.close(closeGraceMs).finally(() => closing.delete(closed));
    closing.add(closed);
    const waitMs = Math.min(maxRestartMs, firstRestartMs * 2 ** (refusals - 1));
    clearTimeout(timer);
    timer = setTimeout(restart, waitMs * (0.75 + random() / 2));
  }

  function restart(): void {
    worker = startNext();
    timer = setTimeout(() => {
      refusals = 0;
      onAccepted();
    }, settledMs);
  }

  return {
    /** Whether Redis has refused the commands of the worker, and has not accepted those of a new one since. */
    isRefused: () => refusals > 0,
    hasStartedJob: () => worker.hasStartedJob(),
    /** A refused worker is not stalled: a restart by the watchdog would not help. */
    idleMs: () => (refusals > 0 ? 0 : worker.idleMs()),
    async close(graceMs: number): Promise<void> {
      isClosed = true;
      clearTimeout(timer);
      // The refused workers have no connection left on which they could finish a job.
      await worker.close(refusals > 0 ? 0 : graceMs);
    },
  };
}

export type SupervisedWorker = ReturnType<typeof startSupervisedWorker>;
