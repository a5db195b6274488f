import { performance } from "node:perf_hooks";
import { ServiceError } from "../core/errors.js";

/** Detects that the process has more work than it can do; `close` stops the measurement. */
export type OverloadSampler = { isOverloaded(): boolean; close(): void };

const busyUtilization = 0.9;
const lateTicksInARow = 3;

/**
 * Reports the process as overloaded in two cases, each only if the event loop was busy the whole time.
 *
 * First, while one turn of the event loop takes longer than `maxTurnMs`: further requests that arrive in that turn are
 * rejected, so that the turn ends. Otherwise a large number of requests that are ready together would all be handled
 * before the next connection is accepted and before any client learns of the overload.
 *
 * Second, when a tick every `intervalMs` was more than `maxDelayMs` late three times in a row: one long pause (garbage
 * collection, a suspended machine) is not an overload. `perf_hooks.monitorEventLoopDelay` is unsuitable: it loses the
 * delay during which it is reset. If the event loop is slower than the sampling interval, it loses every delay.
 */
export function startOverloadSampler({
  maxDelayMs = 300,
  maxTurnMs = 500,
  intervalMs = 100,
} = {}): OverloadSampler {
  let lastTickAt = performance.now();
  let lastUtilization = performance.eventLoopUtilization();
  let lateTicks = 0;

  const isBusySinceTick = () =>
    performance.eventLoopUtilization(lastUtilization).utilization >= busyUtilization;
  const getDelayMs = () => performance.now() - lastTickAt - intervalMs;

  const tick = () => {
    lateTicks = getDelayMs() > maxDelayMs && isBusySinceTick() ? lateTicks + 1 : 0;
    lastTickAt = performance.now();
    lastUtilization = performance.eventLoopUtilization();
  };
  const timer = setInterval(tick, intervalMs).unref();

  return {
    isOverloaded: () => lateTicks >= lateTicksInARow || (getDelayMs() > maxTurnMs && isBusySinceTick()),
    close() {
      clearInterval(timer);
    },
  };
}

/** Creates the error for a request that is rejected before any work is done for it. */
export const createOverloadedError = (): ServiceError =>
  new ServiceError("SERVICE_UNAVAILABLE", {
    message: "The service is overloaded.",
    retryAfterMs: 2_000,
    reason: "event loop late",
  });
