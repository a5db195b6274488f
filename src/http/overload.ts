import { performance } from "node:perf_hooks";
import { ServiceError } from "../core/errors.js";

/** Says whether the process has more to do than it can; `close` ends the measuring. */
export type OverloadSampler = { isOverloaded(): boolean; close(): void };

const busyUtilization = 0.9;
const lateTicksInARow = 3;

/**
 * Calls the process overloaded in two cases, each only where the event loop was busy all the while.
 *
 * While one turn of the event loop takes longer than `maxTurnMs`: what else arrives in that turn is turned away, so
 * that the turn ends. Without it a crowd of requests that are ready at once would all be worked on before the next
 * connection is accepted and before anybody hears that there is too much.
 *
 * When a tick every `intervalMs` was more than `maxDelayMs` late for three times in a row: one long pause (a
 * collection of garbage, a machine that slept) is no overload. `perf_hooks.monitorEventLoopDelay` would not do: it
 * loses the delay that its reset falls into, which is every one as soon as the loop turns more slowly than the samples
 * are taken.
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
  const msLate = () => performance.now() - lastTickAt - intervalMs;

  const tick = () => {
    lateTicks = msLate() > maxDelayMs && isBusySinceTick() ? lateTicks + 1 : 0;
    lastTickAt = performance.now();
    lastUtilization = performance.eventLoopUtilization();
  };
  const timer = setInterval(tick, intervalMs).unref();

  return {
    isOverloaded: () => lateTicks >= lateTicksInARow || (msLate() > maxTurnMs && isBusySinceTick()),
    close() {
      clearInterval(timer);
    },
  };
}

/** What a request is told that is turned away before anything is done for it. */
export const overloadedError = (): ServiceError =>
  new ServiceError("SERVICE_UNAVAILABLE", {
    message: "The service is overloaded at the moment.",
    retryAfterMs: 2_000,
    reason: "event loop late",
  });
