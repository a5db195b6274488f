import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { createHold } from "./pause-switch.js";
import type { LoadControls } from "./load-controls.js";
import { runWhenDue } from "./run-when-due.js";
import type { Population } from "./load-plan.js";
import { createQueueSenders } from "./queue-senders.js";
import type { SeededRandom } from "../../support/random.js";
import type { Scene } from "../testbed.js";
import { createSenders } from "./event-senders.js";
import type { Tally } from "../counters.js";
import type { ThrottleWindows } from "../faults/retry-after-window.js";
import type { VitalSide } from "../processes/simulated-vital.js";
import { createViewers } from "./viewers.js";

/** Deletes Vital users at Vital as planned; gives the ids of those that it may have hit. */
async function deleteUpstream(
  { upstreamDeletions }: Population,
  { vital, throttleWindows }: { vital: VitalSide; throttleWindows: ThrottleWindows },
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

/** Signup services and viewers for the gateways of a scene; nobody does anything yet. */
export function createLoad(options: { scene: Scene; random: SeededRandom; tally: Tally }) {
  const { scene, random, tally } = options;
  const { gateways } = scene.fleet;
  const hold = createHold();
  const giveUp = new AbortController();
  // Every sender listens to it.
  setMaxListeners(0, giveUp.signal);
  const { signal } = giveUp;
  const senders = createSenders({ gateways, secret: scene.eventSecret, random, tally, hold, signal });
  const queueSenders = createQueueSenders({ redisUrl: scene.redis.url, tally });
  const viewers = createViewers({ gateways, toAccessToken: scene.issuer.toToken, random, tally, hold });
  return {
    senders,
    queueSenders,
    viewers,
    hold,
    giveUp: () => {
      giveUp.abort();
    },
  };
}

export type Load = ReturnType<typeof createLoad>;

/** App users without any event: nothing that a fault does with them changes what an event means. */
const listStrangers = ({ users }: Population): string[] =>
  [...users].filter(([, events]) => events.length === 0).map(([appUserId]) => appUserId);

/** Lets signup services and viewers loose on the gateways, as planned. */
export function startLoad(options: {
  scene: Scene;
  population: Population;
  startedAtMs: number;
  random: SeededRandom;
  tally: Tally;
}) {
  const { scene, population, startedAtMs, random } = options;
  const load = createLoad(options);
  const { senders, queueSenders, viewers, hold } = load;
  const strangers = listStrangers(population);
  const knocks = random.fork("knocks");

  const sending = runWhenDue(population.deliveries, { startedAtMs, maxUnderWay: 1_000 }, ({ event }) =>
    senders.deliver(event),
  );
  const rest = Promise.all([
    deleteUpstream(population, scene, startedAtMs),
    runWhenDue(population.visits, { startedAtMs, maxUnderWay: 300 }, async ({ appUserId }) => {
      await viewers.visit(appUserId);
    }),
    runWhenDue(population.queueCopies, { startedAtMs, maxUnderWay: 300 }, async ({ event }) => {
      await hold.pass();
      await queueSenders.deliver(event);
    }),
  ]);

  const controls: LoadControls = {
    hold: hold.hold,
    release: hold.release,
    knock: async (gateway) => (await viewers.ask(knocks.pick(strangers), gateway)).outcome,
  };

  return {
    acknowledged: senders.acknowledged,
    viewers,
    controls,

    /** Resolves when all is sent and asked; events that are not acknowledged in so many milliseconds are given up. */
    async finish(patienceMs: number): Promise<{ deletedUpstream: Set<string> }> {
      await Promise.race([sending, delay(patienceMs)]);
      load.giveUp();
      const [[deletedUpstream]] = await Promise.all([rest, sending]);
      await queueSenders.close();
      return { deletedUpstream };
    },
  };
}
