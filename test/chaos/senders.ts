import { createHmac } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import type { PlannedEvent } from "./population.js";
import type { SeededRandom } from "./random.js";
import type { Tally } from "./tally.js";

/** As long as senders of webhooks usually wait, at the shorter end. */
const answerTimeoutMs = 15_000;
const maxPauseMs = 2_000;

/** The request of an event, signed by Standard Webhooks. */
function toSignedRequest({ id, type, appUserId, occurredAt }: PlannedEvent, secret: Buffer) {
  const body = JSON.stringify({ type, timestamp: occurredAt.toISOString(), data: { id: appUserId } });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64");
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
  return { method: "POST", headers, body } as const;
}

/** Signup services that send each event again, to any gateway, until one acknowledges it. */
export function createSenders(options: {
  gatewayUrls: readonly string[];
  secret: Buffer;
  random: SeededRandom;
  tally: Tally;
  /** Ends the attempts that are still going on. */
  signal: AbortSignal;
}) {
  const { gatewayUrls, secret, tally, signal } = options;
  const random = options.random.fork("senders");
  /** Ids of the events for which there was a 202. */
  const acknowledged = new Set<string>();

  async function send(event: PlannedEvent): Promise<number> {
    const url = `${random.pick(gatewayUrls)}/v1/events`;
    try {
      const timeouts = { headersTimeout: answerTimeoutMs, bodyTimeout: answerTimeoutMs };
      const answer = await request(url, { ...toSignedRequest(event, secret), ...timeouts, signal });
      await answer.body.dump();
      return answer.statusCode;
    } catch {
      return 0;
    }
  }

  return {
    acknowledged,

    /** Resolves when the event is acknowledged or will not be. */
    async deliver(event: PlannedEvent): Promise<void> {
      for (let pauseMs = 100; !signal.aborted; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
        const status = await send(event);
        tally.count("event", status === 0 ? "no answer" : String(status));
        if (status === 202) acknowledged.add(event.id);
        const isFinal = status !== 0 && status < 500 && status !== 429;
        if (isFinal) return;
        await delay(pauseMs * random.between(0.5, 1), undefined, { signal }).catch(() => undefined);
      }
    },
  };
}
