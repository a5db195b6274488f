import { setTimeout as delay } from "node:timers/promises";
import { waitUntil } from "../../support/wait-until.js";
import type { Member } from "../processes/fleet.js";
import type { SimulatedVital } from "../processes/simulated-vital.js";

/** How long after the first refusal calls may still come: they were under way, or the word was. */
export const inFlightAllowanceMs = 500;

const endMarginMs = 200;
/** On a busy machine a process takes long to load its code. */
const startTimeoutMs = 30_000;
/** Clients of Redis come back within 2 s. */
const reconnectMs = 2_500;
/** A gateway that calls nobody, because of what was before, tries again within this time. */
const recoveryMs = 20_000;
const requestEveryMs = 300;
const provokeTimeoutMs = 5_000;

export type RetryAfterWindow = {
  /** What Vital answered, and how long it asked to wait. */
  status: number;
  retryAfterSeconds: number;
  /** Calls that came within the allowance, the first one included. */
  inFlight: number;
  /** Calls that came later, and still too early: the operation, and how many milliseconds after the first. */
  late: string[];
};

export type RetryAfterWindows = {
  /** Whether one is being measured: nobody but the product should call Vital then. */
  isOpen: boolean;
  measured: RetryAfterWindow[];
  /** Windows that were begun, but nobody called Vital. */
  missed: number;
};

/** What a measurement does with the load. */
export type LoadControls = {
  /** Stops all senders and viewers until `resume`. */
  pause: () => void;
  resume: () => void;
  /** Requests a token from one gateway, paused or not. Returns the outcome. */
  requestToken: (gateway: Member) => Promise<string>;
};

type WindowContext = {
  members: readonly Member[];
  vital: SimulatedVital;
  load: LoadControls;
  retryAfterWindows: RetryAfterWindows;
  durationMs: number;
};

/** A process that has just started learns of a wait by its first call, so all have to be there: ready, and connected. */
async function waitForAllProcesses(members: readonly Member[]): Promise<void> {
  const areReady = async () => (await Promise.all(members.map(({ isReady }) => isReady()))).every(Boolean);
  await waitUntil("all processes are back", areReady, startTimeoutMs);
  await delay(reconnectMs);
}

/** Waits until a gateway calls Vital for its viewers again: its breaker may still be open. */
async function waitUntilItCallsVital(gateway: Member, load: LoadControls): Promise<void> {
  const giveUpAtMs = performance.now() + recoveryMs;
  while (performance.now() < giveUpAtMs && (await load.requestToken(gateway)) !== "issued")
    await delay(requestEveryMs);
}

/** Makes one process call Vital; gives the arrival of the first call that was refused, `null` when none was. */
async function provoke({ vital, load }: WindowContext, gateway: Member, status: number, sinceMs: number) {
  while (Date.now() < sinceMs + provokeTimeoutMs) {
    void load.requestToken(gateway);
    await delay(requestEveryMs / 2);
    const first = (await vital.listTimeline(sinceMs)).find((call) => call.status === status);
    if (first !== undefined) return first.at;
    await delay(requestEveryMs / 2);
  }
  return null;
}

/**
 * Lets Vital answer with `Retry-After` and counts the calls that come all the same before that time is over.
 *
 * One process alone is made to hear it, while the load is held back, so that the others can only know it from that
 * one; then all the load comes at once, and every gateway is asked for a token. The answer stays the same to the end
 * of the window, as a real limit would have it.
 */
export const measureRetryAfterWindow =
  (status: 429 | 503) =>
  async (testbed: WindowContext): Promise<void> => {
    const { members, vital, load, retryAfterWindows, durationMs } = testbed;
    const gateways = members.filter(({ role }) => role === "gateway");
    const retryAfterSeconds = Math.max(1, Math.round(durationMs / 1000));
    await waitForAllProcesses(members);
    retryAfterWindows.isOpen = true;
    load.pause();
    try {
      await Promise.all(gateways.map((gateway) => waitUntilItCallsVital(gateway, load)));
      const sinceMs = Date.now();
      await vital.addFault({ kind: "status", status, retryAfterSeconds });
      const firstMs = gateways[0] === undefined ? null : await provoke(testbed, gateways[0], status, sinceMs);
      if (firstMs === null) {
        retryAfterWindows.missed += 1;
        return;
      }
      await delay(firstMs + inFlightAllowanceMs - Date.now());
      load.resume();
      for (const gateway of gateways) void load.requestToken(gateway);
      const endMs = firstMs + retryAfterSeconds * 1000 - endMarginMs;
      await delay(endMs - Date.now());
      const timeline = await vital.listTimeline(firstMs);
      const calls = timeline.filter(({ at, operation }) => operation !== null && at <= endMs);
      const late = calls.filter(({ at }) => at > firstMs + inFlightAllowanceMs);
      retryAfterWindows.measured.push({
        status,
        retryAfterSeconds,
        inFlight: calls.length - late.length,
        late: late.map(({ at, operation }) => `${operation ?? ""} after ${at - firstMs} ms`),
      });
    } finally {
      await vital.clearFaults();
      load.resume();
      retryAfterWindows.isOpen = false;
    }
  };
