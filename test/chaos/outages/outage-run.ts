import { setTimeout as delay } from "node:timers/promises";
import type { Print } from "../../../dev/embedded/server.js";
import { waitUntil } from "../../support/wait-until.js";
import { createLoad, type Load } from "../load/load.js";
import type { ChaosOptions } from "../options.js";
import { outageActions, toName, type Outage } from "./outage.js";
import { checkOutage, settleWithinMs, type OutageFacts, type TimedVisit } from "./outage-verdict.js";
import { planOutageLoad, type OutageLoadPlan } from "./outage-load-plan.js";
import { runWhenDue } from "../load/run-when-due.js";
import type { PlannedEvent } from "../load/load-plan.js";
import { createRandom, type SeededRandom } from "../../support/random.js";
import { sum } from "../report-counts.js";
import { runOnTestbed, type RunOptions } from "../run.js";
import { startTimeoutMs, type Testbed } from "../testbed.js";
import { createCounters, type Counters } from "../counters.js";
import { findViolations, type Evidence } from "../verdict/invariants.js";

/** How long those who sign up before may take to become active. */
const settleMs = 120_000;

async function signUpBefore({ mappings }: Testbed, { senders }: Load, before: readonly PlannedEvent[]) {
  await runWhenDue(
    before.map((event) => ({ event, dueAtMs: 0 })),
    { startedAtMs: performance.now(), maxConcurrent: 50 },
    ({ event }) => senders.deliver(event),
  );
  await waitUntil(
    "those who have signed up before are active",
    () => mappings.waitUntilSettled(1_000),
    settleMs,
  );
}

/** Signups and viewers for so long; what they do at the end goes on, and is over when `finished` resolves. */
function startLoadOf({ signups, visits }: OutageLoadPlan, { senders, viewers }: Load) {
  const startedAtMs = performance.now();
  const responses: TimedVisit[] = [];
  const sending = runWhenDue(signups, { startedAtMs, maxConcurrent: Infinity }, ({ event }) =>
    senders.deliver(event),
  );
  const visiting = runWhenDue(visits, { startedAtMs, maxConcurrent: Infinity }, async ({ appUserId }) => {
    await viewers.signIn(appUserId, (visit) => responses.push({ ...visit, answeredAt: Date.now() }));
  });
  return { responses, finished: Promise.all([sending, visiting]) };
}

/** Takes the service away for the time under load, and waits for rest after its return. */
async function observe(testbed: Testbed, load: Load, outage: Outage, plan: OutageLoadPlan) {
  const way = outageActions[outage.service][outage.manner](testbed);
  await way.begin();
  const downAt = Date.now();
  const { responses, finished } = startLoadOf(plan, load);
  await delay(outage.seconds * 1000);
  const upAt = Date.now();
  await way.end();
  await Promise.race([finished, delay(settleWithinMs)]);
  const isSettled = await testbed.mappings.waitUntilSettled(
    Math.max(1_000, upAt + settleWithinMs - Date.now()),
  );
  return { downAt, upAt, responses, isSettled };
}

type Surroundings = {
  testbed: Testbed;
  load: Load;
  options: ChaosOptions;
  random: SeededRandom;
  counters: Counters;
  say: Print;
};

/** Answers to events so far other than "taken". */
const countRefusals = (counters: Counters) =>
  sum(
    counters
      .list("event")
      .filter(([outcome]) => outcome !== "202")
      .map(([, count]) => count),
  );

async function performOne(
  { testbed, load, options, random, counters, say }: Surroundings,
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
  say(`${toName(outage)}: ${plan.signups.length} signups, ${plan.visits.length} visits`);
  const refusedBefore = countRefusals(counters);
  const observed = await observe(testbed, load, outage, plan);
  await waitUntil("all processes are back", testbed.fleet.isReady, startTimeoutMs);

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
    refusals: countRefusals(counters) - refusedBefore,
    visitors: new Set(plan.visits.map(({ appUserId }) => appUserId)).size,
    activatedAt: [...plan.users]
      .filter(([appUserId, events]) => events.length > 0 || activatedAt.has(appUserId))
      .map(([appUserId]) => activatedAt.get(appUserId) ?? null),
  };
  return { users: plan.users, measured: checkOutage(facts) };
}

async function perform(options: ChaosOptions, testbed: Testbed, say: Print) {
  const random = createRandom(String(options.seed));
  const counters = createCounters();
  const load = createLoad({ testbed, random, counters });
  const performed = [];
  for (const [index, outage] of options.outages.entries()) {
    performed.push(await performOne({ testbed, load, options, random, counters, say }, outage, index));
  }
  load.stopSending();
  await load.queueSenders.close();
  const evidence: Evidence = {
    users: new Map(performed.flatMap(({ users }) => [...users])),
    acknowledged: load.senders.acknowledged,
    asked: load.viewers.asked,
    tokens: load.viewers.issued,
    mappings: await testbed.mappings.list(),
    ledger: await testbed.vital.listAllUsers(),
    deletedAtVital: new Set(),
  };
  return {
    counters,
    outages: performed.map(({ measured }) => measured),
    violations: findViolations(evidence),
  };
}

/** The product's own default: how long an answer takes while Vital hangs depends on it. */
const vitalTimeoutMs = 5_000;

/** One run: takes one service away after the other, each for as long as was asked for, and judges. */
export const runOutages = (options: Omit<RunOptions, "vitalTimeoutMs">) =>
  runOnTestbed({ ...options, vitalTimeoutMs }, (testbed) => perform(options.options, testbed, options.say));

export type OutageRun = Awaited<ReturnType<typeof runOutages>>;
