import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { createPauseSwitch } from "./pause-switch.js";
import { runWhenDue } from "./run-when-due.js";
import type { LoadPlan } from "./load-plan.js";
import { createQueueSenders } from "./queue-senders.js";
import type { SeededRandom } from "../../support/random.js";
import type { Testbed } from "../testbed.js";
import { createEventSenders } from "./event-senders.js";
import type { Counters } from "../counters.js";
import type { LoadControls, RetryAfterWindows } from "../faults/retry-after-window.js";
import type { SimulatedVital } from "../processes/simulated-vital.js";
import { createViewers } from "./viewers.js";

/** Deletes Vital users directly at Vital, as planned. Returns the ids of those that may have been deleted. */
async function runDeletionsAtVital(
  { deletionsAtVital }: LoadPlan,
  { vital, retryAfterWindows }: { vital: SimulatedVital; retryAfterWindows: RetryAfterWindows },
  startedAtMs: number,
): Promise<Set<string>> {
  const deleted = new Set<string>();
  await runWhenDue(deletionsAtVital, { startedAtMs, maxConcurrent: 10 }, async ({ appUserId }) => {
    while (retryAfterWindows.isOpen) await delay(100);
    const vitalUserId = await vital.deleteAtVital(appUserId).catch(() => null);
    if (vitalUserId !== null) deleted.add(vitalUserId);
  });
  return deleted;
}

/** Creates signup services and viewers for the gateways of a testbed. They send nothing until they are called. */
export function createLoad(options: { testbed: Testbed; random: SeededRandom; counters: Counters }) {
  const { testbed, random, counters } = options;
  const { gateways } = testbed.fleet;
  const pauseSwitch = createPauseSwitch();
  const abortSending = new AbortController();
  // Every delivery in progress listens to the signal.
  setMaxListeners(0, abortSending.signal);
  const { signal } = abortSending;
  const senders = createEventSenders({
    gateways,
    secret: testbed.eventSecret,
    random,
    counters,
    pauseSwitch,
    signal,
  });
  const queueSenders = createQueueSenders({ redisUrl: testbed.redis.url, counters });
  const viewers = createViewers({
    gateways,
    createAccessToken: testbed.issuer.createAccessToken,
    random,
    counters,
    pauseSwitch,
  });
  return {
    senders,
    queueSenders,
    viewers,
    pauseSwitch,
    stopSending: () => {
      abortSending.abort();
    },
  };
}

export type Load = ReturnType<typeof createLoad>;

/** App users without any event: extra token requests for them do not affect the checks of events. */
const listUsersWithoutEvents = ({ users }: LoadPlan): string[] =>
  [...users].filter(([, events]) => events.length === 0).map(([appUserId]) => appUserId);

/** Starts signup services and viewers, as planned. */
export function startLoad(options: {
  testbed: Testbed;
  plan: LoadPlan;
  startedAtMs: number;
  random: SeededRandom;
  counters: Counters;
}) {
  const { testbed, plan, startedAtMs, random } = options;
  const load = createLoad(options);
  const { senders, queueSenders, viewers, pauseSwitch } = load;
  const usersWithoutEvents = listUsersWithoutEvents(plan);
  const draws = random.fork("extra token requests");

  const sending = runWhenDue(plan.deliveries, { startedAtMs, maxConcurrent: 1_000 }, ({ event }) =>
    senders.deliver(event),
  );
  const rest = Promise.all([
    runDeletionsAtVital(plan, testbed, startedAtMs),
    runWhenDue(plan.visits, { startedAtMs, maxConcurrent: 300 }, async ({ appUserId }) => {
      await viewers.signIn(appUserId);
    }),
    runWhenDue(plan.queueCopies, { startedAtMs, maxConcurrent: 300 }, async ({ event }) => {
      await pauseSwitch.waitWhilePaused();
      await queueSenders.deliver(event);
    }),
  ]);

  const controls: LoadControls = {
    pause: pauseSwitch.pause,
    resume: pauseSwitch.resume,
    requestToken: async (gateway) =>
      (await viewers.requestToken(draws.pick(usersWithoutEvents), gateway)).outcome,
  };

  return {
    acknowledged: senders.acknowledged,
    viewers,
    controls,

    /** Resolves when the whole plan is done. Sending of unacknowledged events stops after `sendTimeoutMs`. */
    async finish(sendTimeoutMs: number): Promise<{ deletedAtVital: Set<string> }> {
      await Promise.race([sending, delay(sendTimeoutMs)]);
      load.stopSending();
      const [[deletedAtVital]] = await Promise.all([rest, sending]);
      await queueSenders.close();
      return { deletedAtVital };
    },
  };
}
