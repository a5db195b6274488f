import type { Logger } from "../telemetry/logger.js";
import { logLibraryMessages } from "./library-messages.js";

/** The maximum duration of a stop, milliseconds. Configure the orchestrator to wait a little longer. */
const stopDeadlineMs = 9_500;

/** How that time is divided, milliseconds. */
export const stopTimes = {
  /** For requests and jobs in progress to finish. After that they are cut off. */
  drainMs: 6_500,
  /** For connections to close afterwards. Then the process exits anyway. */
  closeMs: 2_000,
};

export type Stoppable = { log: Logger; close(): Promise<void> };

/**
 * Creates the lifecycle of a long-lived process. It stops once, on SIGTERM, SIGINT or `fail`. The exit code is 0 if a
 * signal stopped the process and everything closed without an error, and 1 otherwise. The process exits within 10 s of
 * the signal, even when something has not closed by then.
 */
export function createLifecycle() {
  let isStopping = false;
  let running: Stoppable | null = null;
  const log = () => running?.log;
  const flushLibraryMessages = logLibraryMessages(log);

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
      log()?.error({ deadlineMs: stopDeadlineMs }, "stop deadline exceeded; exiting with work in progress");
      process.exit(1);
    }, stopDeadlineMs).unref();
    void close().then((isClean) => {
      log()?.info({}, "stopped");
      process.exit(isClean ? exitCode : 1);
    });
  }

  // A bug outside any request or job. It is logged, and the process continues so that other work is not interrupted.
  process.on("unhandledRejection", (error) => {
    log()?.error({ err: error }, "unexpected error outside a request or job");
  });
  process.on("SIGTERM", () => {
    stop("SIGTERM", 0);
  });
  process.on("SIGINT", () => {
    stop("SIGINT", 0);
  });

  return {
    isStopping: () => isStopping,
    /** Stops the process with exit code 1. */
    fail: () => {
      stop("fatal error", 1);
    },
    /** Registers the service that a stop closes. From now on, a bug outside any promise and a closed output stop it. */
    run(stoppable: Stoppable): void {
      running = stoppable;
      flushLibraryMessages();
      process.on("uncaughtException", (error) => {
        log()?.error({ err: error }, "fatal: unexpected error; shutting down");
        stop("fatal error", 1);
      });
      // A reader that has gone never returns: only a new process has a new output.
      process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
        if (code === "EPIPE") stop("standard output was closed", 1);
      });
    },
  };
}

export type Lifecycle = ReturnType<typeof createLifecycle>;
