import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "../support/eventually.js";
import type { Member } from "./fleet.js";
import type { VitalSide } from "./vital-side.js";

/** How long after the first 429 calls may still come: they were under way, or their process had not heard of it. */
export const inFlightAllowanceMs = 1_000;

const endMarginMs = 200;
/** On a busy machine a process takes long to load its code. */
const bootMs = 30_000;
/** Clients of Redis come back within 2 s. */
const reconnectMs = 2_500;

export type ThrottleWindows = {
  /** Whether one is being measured: nobody but the product should call Vital then. */
  isOpen: boolean;
  /** What came in each window after the allowance: the operation, and how many milliseconds after the first 429. */
  calls: string[][];
};

type Scene = {
  members: readonly Member[];
  vital: VitalSide;
  throttleWindows: ThrottleWindows;
  durationMs: number;
};

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

/** A process that has just started learns of a wait by its first call, so all have to be there: ready, and connected. */
async function waitForEverybody(members: readonly Member[]): Promise<void> {
  const areReady = async () => (await Promise.all(members.map(({ isReady }) => isReady()))).every(Boolean);
  await eventually("all processes are back", areReady, bootMs);
  await delay(reconnectMs);
}

/**
 * Lets Vital answer 429 with `Retry-After` and counts the calls that come all the same before that time is over.
 * The answer is 429 to the end of the window, as a real limit would have it.
 */
export async function measureThrottleWindow(scene: Scene): Promise<void> {
  const { members, vital, throttleWindows, durationMs } = scene;
  await waitForEverybody(members);
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
    throttleWindows.calls.push(
      calls.map(({ at, operation }) => `${operation ?? ""} after ${at - firstMs} ms`),
    );
  } finally {
    await vital.clearFaults();
    throttleWindows.isOpen = false;
  }
}
