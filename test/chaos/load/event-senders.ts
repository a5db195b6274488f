import { createHmac } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { callGateway, isUnexplained, type Gateway } from "./gateway-calls.js";
import type { PauseSwitch } from "./pause-switch.js";
import type { PlannedEvent } from "./load-plan.js";
import type { SeededRandom } from "../../support/random.js";
import type { Counters } from "../counters.js";

const maxPauseMs = 2_000;

/** Returns the request for an event, signed according to Standard Webhooks. */
function toSignedCall({ id, type, appUserId, occurredAt }: PlannedEvent, secret: Buffer) {
  const body = JSON.stringify({ type, timestamp: occurredAt.toISOString(), data: { id: appUserId } });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64");
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
  return { path: "/v1/events", headers, body };
}

/** Creates signup services that send each event to random gateways until one acknowledges it. */
export function createEventSenders(options: {
  gateways: readonly Gateway[];
  secret: Buffer;
  random: SeededRandom;
  counters: Counters;
  pauseSwitch?: PauseSwitch;
  /** Ends all attempts in progress. */
  signal: AbortSignal;
}) {
  const { gateways, secret, counters, pauseSwitch, signal } = options;
  const random = options.random.fork("senders");
  /** Ids of the events that got a 202, with the time of the first one in epoch milliseconds. */
  const acknowledged = new Map<string, number>();
  let deliveries = 0;

  async function send(event: PlannedEvent, gateway: Gateway): Promise<number> {
    await pauseSwitch?.waitWhilePaused();
    const reply = await callGateway(gateway, { ...toSignedCall(event, secret), signal });
    counters.increment("event", "noResponse" in reply ? reply.noResponse : String(reply.status));
    if (isUnexplained(reply)) counters.increment("unexplained", `event: ${reply.detail}`);
    return reply.status;
  }

  return {
    acknowledged,

    /** Resolves when the event is acknowledged or rejected, or when sending has stopped. */
    async deliver(event: PlannedEvent): Promise<void> {
      const draws = random.fork(`${event.id}/${(deliveries += 1)}`);
      for (let pauseMs = 100; !signal.aborted; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
        const status = await send(event, draws.pick(gateways));
        if (status === 202 && !acknowledged.has(event.id)) acknowledged.set(event.id, Date.now());
        const isFinal = status !== 0 && status < 500 && status !== 429;
        if (isFinal) return;
        await delay(pauseMs * draws.between(0.5, 1), undefined, { signal }).catch(() => undefined);
      }
    },
  };
}
