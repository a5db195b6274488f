import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { World } from "./fault-kinds.js";
import { runWhenDue } from "./pacing.js";
import type { Population } from "./population.js";
import { createQueueSenders } from "./queue-senders.js";
import type { SeededRandom } from "./random.js";
import type { Scene } from "./scene.js";
import { createSenders } from "./senders.js";
import type { Tally } from "./tally.js";
import { createViewers } from "./viewers.js";

/** Deletes Vital users at Vital as planned; gives the ids of those that it may have hit. */
async function deleteUpstream(
  { upstreamDeletions }: Population,
  { vital, throttleWindows }: World,
  startedAtMs: number,
): Promise<Set<string>> {
  const deleted = new Set<string>();
  await runWhenDue(upstreamDeletions, { startedAtMs, maxUnderWay: 10 }, async ({ appUserId }) => {
    while (throttleWindows.isOpen) await delay(100);
    const vitalUserId = await vital.deleteUpstream(appUserId).catch(() => null);
    if (vitalUserId !== null) deleted.add(vitalUserId);
  });
  return deleted;
}

/** Lets signup services and viewers loose on the gateways, as planned. */
export function startLoad(options: {
  scene: Scene;
  population: Population;
  startedAtMs: number;
  random: SeededRandom;
  tally: Tally;
}) {
  const { scene, population, startedAtMs, random, tally } = options;
  const { fleet, world, issuer, eventSecret } = scene;
  const { gatewayUrls } = fleet;
  const giveUp = new AbortController();
  // Every sender listens to it.
  setMaxListeners(0, giveUp.signal);
  const { signal } = giveUp;
  const senders = createSenders({ gatewayUrls, secret: eventSecret, random, tally, signal });
  const queueSenders = createQueueSenders({ redisUrl: world.redis.url, tally });
  const viewers = createViewers({ gatewayUrls, toAccessToken: issuer.toToken, random, tally });

  const sending = runWhenDue(population.deliveries, { startedAtMs, maxUnderWay: 1_000 }, ({ event }) =>
    senders.deliver(event),
  );
  const rest = Promise.all([
    deleteUpstream(population, world, startedAtMs),
    runWhenDue(population.visits, { startedAtMs, maxUnderWay: 300 }, ({ appUserId }) =>
      viewers.visit(appUserId),
    ),
    runWhenDue(population.queueCopies, { startedAtMs, maxUnderWay: 300 }, ({ event }) =>
      queueSenders.deliver(event),
    ),
  ]);

  return {
    acknowledged: senders.acknowledged,
    viewers,

    /** Resolves when all is sent and asked; events that are not acknowledged in so many milliseconds are given up. */
    async finish(patienceMs: number): Promise<{ deletedUpstream: Set<string> }> {
      await Promise.race([sending, delay(patienceMs)]);
      giveUp.abort();
      const [[deletedUpstream]] = await Promise.all([rest, sending]);
      await queueSenders.close();
      return { deletedUpstream };
    },
  };
}
