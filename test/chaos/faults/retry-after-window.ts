import { setTimeout as delay } from "node:timers/promises";
import { waitUntil } from "../../support/wait-until.js";
import type { Member } from "../processes/fleet.js";
import type { SimulatedVital } from "../processes/simulated-vital.js";

/**
 * Calls within this time after the first 429 or 503 are allowed. They may have been in flight already, or their process may
 * not have been notified of the wait yet.
 */
export const inFlightAllowanceMs = 500;

const endMarginMs = 200;
/** On a busy machine, processes take long to load their code. */
const startTimeoutMs = 30_000;
/** Redis clients reconnect within 2 s. */
const reconnectMs = 2_500;
/** A gateway whose circuit breaker is still open from earlier faults calls Vital again within this time. */
const recoveryMs = 20_000;
const requestEveryMs = 300;
const provokeTimeoutMs = 5_000;

type RetryAfterWindow = {
  /** The status of Vital's responses, and how long they tell clients to wait. */
  status: number;
  retryAfterSeconds: number;
  /** Number of calls within the allowance, the first one included. */
  inFlight: number;
  /** Calls after the allowance and before the end of the wait: the operation, and the time since the first call. */
  late: string[];
};

export type RetryAfterWindows = {
  /** Whether a window is being measured. During that time only the product may call Vital. */
  isOpen: boolean;
  measured: RetryAfterWindow[];
  /** Windows in which no process called Vital, so that nothing was measured. */
  missed: number;
};

/** Controls of the load that a measurement needs. */
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

/**
 * A process that has just started learns of the wait only by its own first call. All processes must therefore be ready
 * and connected to Redis before a measurement.
 */
async function waitForAllProcesses(members: readonly Member[]): Promise<void> {
  const areReady = async () => (await Promise.all(members.map(({ isReady }) => isReady()))).every(Boolean);
  await waitUntil("all processes are ready", areReady, startTimeoutMs);
  await delay(reconnectMs);
}

/** Waits until a gateway issues a token, which shows that its circuit breaker is not open. */
async function waitUntilGatewayCallsVital(gateway: Member, load: LoadControls): Promise<void> {
  const deadlineMs = performance.now() + recoveryMs;
  while (performance.now() < deadlineMs && (await load.requestToken(gateway)) !== "issued")
    await delay(requestEveryMs);
}

/**
 * Makes one gateway call Vital. Returns the time of the first call with the given status, or `null` if there was none.
 */
async function provokeFirstCall(
  { vital, load }: WindowContext,
  gateway: Member,
  status: number,
  sinceMs: number,
) {
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
 * Makes Vital respond with `Retry-After` and counts the calls that arrive before that time is over.
 *
 * While the load is paused, one gateway alone receives the first such response, so the other processes can learn of the
 * wait only from that gateway. Then the whole load resumes, and every gateway is asked for a token. Vital responds the
 * same way until the end of the window, as a real rate limit would.
 */
export const measureRetryAfterWindow =
  (status: 429 | 503) =>
  async (context: WindowContext): Promise<void> => {
    const { members, vital, load, retryAfterWindows, durationMs } = context;
    const gateways = members.filter(({ role }) => role === "gateway");
    const retryAfterSeconds = Math.max(1, Math.round(durationMs / 1000));
    await waitForAllProcesses(members);
    retryAfterWindows.isOpen = true;
    load.pause();
    try {
      await Promise.all(gateways.map((gateway) => waitUntilGatewayCallsVital(gateway, load)));
      const sinceMs = Date.now();
      await vital.addFault({ kind: "status", status, retryAfterSeconds });
      const firstMs =
        gateways[0] === undefined ? null : await provokeFirstCall(context, gateways[0], status, sinceMs);
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
