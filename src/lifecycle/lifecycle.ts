import type { Logger } from "../telemetry/logger.js";

/** The longest that a stop may take; an orchestrator is asked to wait a little longer. */
const stopDeadlineMs = 9_500;

/** How a stop divides that time, milliseconds. */
export const stopTimes = {
  /** For what is under way to finish; then it is cut off. */
  drainMs: 6_500,
  /** For connections to close after that; then they end with the process. */
  closeMs: 2_000,
};

export type Stoppable = { log: Logger; close(): Promise<void> };

/**
 * Runs a long-lived process: starts it, and stops it once, on SIGTERM, SIGINT or `stop`. It ends with 0 after a clean
 * stop and with 1 otherwise, and in any case within 10 s of the signal: what does not close by then is left behind.
 */
export function createLifecycle() {
  let isStopping = false;
  let running: Stoppable | null = null;
  const log = () => running?.log;

  async function close(): Promise<boolean> {
    try {
      await running?.close();
      return true;
    } catch (error) {
      log()?.error({ err: error }, "stopping failed");
      return false;
    }
  }

  function stop(reason: string, exitCode: number): void {
    if (isStopping) return;
    isStopping = true;
    log()?.info({ reason }, "stopping");
    setTimeout(() => {
      log()?.error(
        { deadlineMs: stopDeadlineMs },
        "stopping took too long; what was under way is left to others",
      );
      process.exit(1);
    }, stopDeadlineMs).unref();
    void close().then((isClean) => {
      log()?.info({}, "stopped");
      process.exit(isClean ? exitCode : 1);
    });
  }

  // A bug outside of any request or job: logged whole, and the process goes on, because the work of others does.
  process.on("unhandledRejection", (error) => {
    log()?.error({ err: error }, "unexpected error outside of a request");
  });
  process.on("SIGTERM", () => {
    stop("SIGTERM", 0);
  });
  process.on("SIGINT", () => {
    stop("SIGINT", 0);
  });

  return {
    isStopping: () => isStopping,
    fail: () => {
      stop("the process cannot go on", 1);
    },
    run(stoppable: Stoppable): void {
      running = stoppable;
    },
  };
}

export type Lifecycle = ReturnType<typeof createLifecycle>;
