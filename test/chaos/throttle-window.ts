import { setTimeout as delay } from "node:timers/promises";
import type { VitalSide } from "./vital-side.js";

/** How long after the first 429 calls may still come: they were under way, or their process had not heard of it. */
export const inFlightAllowanceMs = 1_000;

const endMarginMs = 200;

export type ThrottleWindows = {
  /** Whether one is being measured: nobody but the product should call Vital then. */
  isOpen: boolean;
  /** Calls that came in each window after the allowance. */
  callsInWindow: number[];
};

type Scene = { vital: VitalSide; throttleWindows: ThrottleWindows; durationMs: number };

/** The arrival of the first call that was answered 429, or `null` when none came in time. */
async function waitForFirst(vital: VitalSide, sinceMs: number, patienceMs: number): Promise<number | null> {
  while (Date.now() < sinceMs + patienceMs) {
    const timeline = await vital.listTimeline(sinceMs);
    const first = timeline.find(({ status }) => status === 429);
    if (first !== undefined) return first.at;
    await delay(50);
  }
  return null;
}

/**
 * Lets Vital answer 429 with `Retry-After` and counts the calls that come all the same before that time is over.
 * The answer is 429 to the end of the window, as a real limit would have it.
 */
export async function measureThrottleWindow({ vital, throttleWindows, durationMs }: Scene): Promise<void> {
  const retryAfterSeconds = Math.ceil(durationMs / 1000);
  const sinceMs = Date.now();
  throttleWindows.isOpen = true;
  try {
    await vital.addFault({ kind: "status", status: 429, retryAfterSeconds });
    const firstMs = await waitForFirst(vital, sinceMs, durationMs);
    if (firstMs === null) return;
    const endMs = firstMs + retryAfterSeconds * 1000 - endMarginMs;
    await delay(endMs - Date.now());
    const timeline = await vital.listTimeline(firstMs + inFlightAllowanceMs);
    const calls = timeline.filter(({ at, operation }) => operation !== null && at <= endMs);
    throttleWindows.callsInWindow.push(calls.length);
  } finally {
    await vital.clearFaults();
    throttleWindows.isOpen = false;
  }
}
