import { performance } from "node:perf_hooks";
import { ServiceError } from "../core/errors.js";

/** Says whether the process has more to do than it can; `close` ends the measuring. */
export type OverloadSampler = { isOverloaded(): boolean; close(): void };

const busyUtilization = 0.9;
const lateTicksInARow = 3;

/**
 * Calls the process overloaded when a tick every `intervalMs` was more than `maxDelayMs` late for three times in a
 * row with the event loop busy in between: one long pause (a collection of garbage, a machine that slept) is no
 * overload. `perf_hooks.monitorEventLoopDelay` would not do: it loses the delay that its reset falls into, which is
 * every one as soon as the loop turns more slowly than the samples are taken.
 */
export function startOverloadSampler({ maxDelayMs = 300, intervalMs = 100 } = {}): OverloadSampler {
  let lastTickAt = performance.now();
  let lastUtilization = performance.eventLoopUtilization();
  let lateTicks = 0;

  const tick = () => {
    const now = performance.now();
    const utilization = performance.eventLoopUtilization();
    const busy = performance.eventLoopUtilization(utilization, lastUtilization).utilization;
    const delayMs = now - lastTickAt - intervalMs;
    lateTicks = delayMs > maxDelayMs && busy >= busyUtilization ? lateTicks + 1 : 0;
    lastTickAt = now;
    lastUtilization = utilization;
  };
  const timer = setInterval(tick, intervalMs).unref();

  return {
    isOverloaded: () => lateTicks >= lateTicksInARow,
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
