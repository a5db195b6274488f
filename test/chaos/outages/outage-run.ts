import { setTimeout as delay } from "node:timers/promises";
import type { Print } from "../../../dev/embedded/server.js";
import { waitUntil } from "../../support/wait-until.js";
import { createLoad, type Load } from "../load/load.js";
import type { ChaosOptions } from "../options.js";
import { outageActions, describeOutage, type Outage } from "./outage.js";
import { checkOutage, settleWithinMs, type OutageFacts, type TimedResult } from "./outage-verdict.js";
import { planOutageLoad, type OutageLoadPlan } from "./outage-load-plan.js";
import { runWhenDue } from "../load/run-when-due.js";
import type { PlannedEvent } from "../load/load-plan.js";
import { createRandom, type SeededRandom } from "../../support/random.js";
import { sum } from "../report-counts.js";
import { runOnTestbed, type RunOptions } from "../run.js";
import { startTimeoutMs, type Testbed } from "../testbed.js";
import { createCounters, type Counters } from "../counters.js";
import { findViolations, type Evidence } from "../verdict/invariants.js";

/** How long app users who sign up before an outage may take to become active. */
const activationTimeoutMs = 120_000;

async function signUpBefore({ mappings }: Testbed, { senders }: Load, before: readonly PlannedEvent[]) {
  await runWhenDue(
    before.map((event) => ({ event, dueAtMs: 0 })),
    { startedAtMs: performance.now(), maxConcurrent: 50 },
    ({ event }) => senders.deliver(event),
  );
  await waitUntil(
    "the app users who signed up before the outage are active",
    () => mappings.waitUntilSettled(1_000),
    activationTimeoutMs,
  );
}

/** Starts the planned signups and sign-ins. `finished` resolves when the last retry is over. */
function startPlannedLoad({ signups, visits }: OutageLoadPlan, { senders, viewers }: Load) {
  const startedAtMs = performance.now();
  const responses: TimedResult[] = [];
  const sending = runWhenDue(signups, { startedAtMs, maxConcurrent: Infinity }, ({ event }) =>
    senders.deliver(event),
  );
  const visiting = runWhenDue(visits, { startedAtMs, maxConcurrent: Infinity }, async ({ appUserId }) => {
    await viewers.signIn(appUserId, (result) => responses.push({ ...result, respondedAt: Date.now() }));
  });
  return { responses, finished: Promise.all([sending, visiting]) };
}

/** Takes the service down under load, restores it, and waits until everything is settled. */
async function observe(testbed: Testbed, load: Load, outage: Outage, plan: OutageLoadPlan) {
  const actions = outageActions[outage.service][outage.manner](testbed);
  await actions.start();
  const downAt = Date.now();
  const { responses, finished } = startPlannedLoad(plan, load);
  await delay(outage.seconds * 1000);
  const upAt = Date.now();
  await actions.end();
  await Promise.race([finished, delay(settleWithinMs)]);
  const isSettled = await testbed.mappings.waitUntilSettled(
    Math.max(1_000, upAt + settleWithinMs - Date.now()),
  );
  return { downAt, upAt, responses, isSettled };
}

type OutageContext = {
  testbed: Testbed;
  load: Load;
  options: ChaosOptions;
  random: SeededRandom;
  counters: Counters;
  print: Print;
};

/** Counts the event requests so far that did not get a 202. */
const countUnacknowledgedRequests = (counters: Counters) =>
  sum(
    counters
      .list("event")
      .filter(([outcome]) => outcome !== "202")
      .map(([, count]) => count),
  );

async function runOutage(
  { testbed, load, options, random, counters, print }: OutageContext,
  outage: Outage,
  index: number,
) {
  const plan = planOutageLoad({
    name: `${index + 1}-${outage.service}`,
    signups: options.signups,
    windowMs: outage.seconds * 1000,
    startedAt: new Date(),
    random,
  });
  await signUpBefore(testbed, load, plan.before);
  print(
    `Outage: ${describeOutage(outage)}, with ${plan.signups.length} signups and ${plan.visits.length} sign-ins.`,
  );
  const unacknowledgedBefore = countUnacknowledgedRequests(counters);
  const observed = await observe(testbed, load, outage, plan);
  await waitUntil("all processes are ready", testbed.fleet.isReady, startTimeoutMs);

  const activatedAt = new Map(
    (await testbed.mappings.list()).map(({ _id, activatedAt: at }) => [_id, at?.getTime()] as const),
  );
  const facts: OutageFacts = {
    ...observed,
    outage,
    signups: plan.signups.map(({ event: { id, appUserId } }) => ({
      acknowledgedAt: load.senders.acknowledged.get(id) ?? null,
      activatedAt: activatedAt.get(appUserId) ?? null,
    })),
    unacknowledgedRequests: countUnacknowledgedRequests(counters) - unacknowledgedBefore,
    viewers: new Set(plan.visits.map(({ appUserId }) => appUserId)).size,
    activatedAt: [...plan.users]
      .filter(([appUserId, events]) => events.length > 0 || activatedAt.has(appUserId))
      .map(([appUserId]) => activatedAt.get(appUserId) ?? null),
  };
  return { users: plan.users, result: checkOutage(facts) };
}

async function perform(options: ChaosOptions, testbed: Testbed, print: Print) {
  const random = createRandom(String(options.seed));
  const counters = createCounters();
  const load = createLoad({ testbed, random, counters });
  const performed = [];
  for (const [index, outage] of options.outages.entries()) {
    performed.push(await runOutage({ testbed, load, options, random, counters, print }, outage, index));
  }
  load.stopSending();
  await load.queueSenders.close();
  const evidence: Evidence = {
    users: new Map(performed.flatMap(({ users }) => [...users])),
    acknowledged: load.senders.acknowledged,
    requestedBy: load.viewers.requestedBy,
    tokens: load.viewers.issued,
    mappings: await testbed.mappings.list(),
    ledger: await testbed.vital.listAllUsers(),
    deletedAtVital: new Set(),
  };
  return {
    counters,
    outages: performed.map(({ result }) => result),
    violations: findViolations(evidence),
  };
}

/** The product's default. It determines how long responses take while Vital does not respond. */
const vitalTimeoutMs = 5_000;

/** Runs the outages one after another and checks the invariants. */
export const runOutages = (options: Omit<RunOptions, "vitalTimeoutMs">) =>
  runOnTestbed({ ...options, vitalTimeoutMs }, (testbed) => perform(options.options, testbed, options.print));

export type OutageRun = Awaited<ReturnType<typeof runOutages>>;
