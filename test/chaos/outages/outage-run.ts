import { setTimeout as delay } from "node:timers/promises";
import type { Say } from "../../../dev/embedded/server.js";
import { waitUntil } from "../../support/wait-until.js";
import { createLoad, type Load } from "../load/load.js";
import type { ChaosOptions } from "../options.js";
import { outageWays, toName, type Outage } from "./outage.js";
import { judgeOutage, restWithinMs, type OutageFacts, type TimedVisit } from "./outage-verdict.js";
import { planOutage, type OutagePopulation } from "./outage-load-plan.js";
import { runWhenDue } from "../load/run-when-due.js";
import type { PlannedEvent } from "../load/load-plan.js";
import { createRandom, type SeededRandom } from "../../support/random.js";
import { sum } from "../report.js";
import { runScene, type RunOptions } from "../run.js";
import { bootMs, type Scene } from "../testbed.js";
import { createTally, type Tally } from "../counters.js";
import { judge, type Evidence } from "../verdict/invariants.js";

/** How long those who sign up before may take to become active. */
const settleMs = 120_000;

async function signUpBefore({ mappings }: Scene, { senders }: Load, before: readonly PlannedEvent[]) {
  await runWhenDue(
    before.map((event) => ({ event, dueAtMs: 0 })),
    { startedAtMs: performance.now(), maxUnderWay: 50 },
    ({ event }) => senders.deliver(event),
  );
  await waitUntil("those who have signed up before are active", () => mappings.waitForRest(1_000), settleMs);
}

/** Signups and viewers for so long; what they do at the end goes on, and is over when `finished` resolves. */
function startLoadOf({ signups, visits }: OutagePopulation, { senders, viewers }: Load) {
  const startedAtMs = performance.now();
  const seen: TimedVisit[] = [];
  const sending = runWhenDue(signups, { startedAtMs, maxUnderWay: Infinity }, ({ event }) =>
    senders.deliver(event),
  );
  const visiting = runWhenDue(visits, { startedAtMs, maxUnderWay: Infinity }, async ({ appUserId }) => {
    await viewers.visit(appUserId, (visit) => seen.push({ ...visit, answeredAt: Date.now() }));
  });
  return { seen, finished: Promise.all([sending, visiting]) };
}

/** Takes the service away for the time under load, and waits for rest after its return. */
async function observe(scene: Scene, load: Load, outage: Outage, population: OutagePopulation) {
  const way = outageWays[outage.service][outage.manner](scene);
  await way.begin();
  const downAt = Date.now();
  const { seen, finished } = startLoadOf(population, load);
  await delay(outage.seconds * 1000);
  const upAt = Date.now();
  await way.end();
  await Promise.race([finished, delay(restWithinMs)]);
  const isAtRest = await scene.mappings.waitForRest(Math.max(1_000, upAt + restWithinMs - Date.now()));
  return { downAt, upAt, seen, isAtRest };
}

type Surroundings = {
  scene: Scene;
  load: Load;
  options: ChaosOptions;
  random: SeededRandom;
  tally: Tally;
  say: Say;
};

/** Answers to events so far other than "taken". */
const countRefusals = (tally: Tally) =>
  sum(
    tally
      .list("event")
      .filter(([outcome]) => outcome !== "202")
      .map(([, count]) => count),
  );

async function performOne(
  { scene, load, options, random, tally, say }: Surroundings,
  outage: Outage,
  index: number,
) {
  const population = planOutage({
    name: `${index + 1}-${outage.service}`,
    signups: options.signups,
    windowMs: outage.seconds * 1000,
    startedAt: new Date(),
    random,
  });
  await signUpBefore(scene, load, population.before);
  say(`${toName(outage)}: ${population.signups.length} signups, ${population.visits.length} visits`);
  const refusedBefore = countRefusals(tally);
  const observed = await observe(scene, load, outage, population);
  await waitUntil("all processes are back", scene.fleet.isReady, bootMs);

  const activatedAt = new Map(
    (await scene.mappings.list()).map(({ _id, activatedAt: at }) => [_id, at?.getTime()] as const),
  );
  const facts: OutageFacts = {
    ...observed,
    outage,
    signups: population.signups.map(({ event: { id, appUserId } }) => ({
      acknowledgedAt: load.senders.acknowledged.get(id) ?? null,
      activatedAt: activatedAt.get(appUserId) ?? null,
    })),
    refusals: countRefusals(tally) - refusedBefore,
    visitors: new Set(population.visits.map(({ appUserId }) => appUserId)).size,
    activatedAt: [...population.users]
      .filter(([appUserId, events]) => events.length > 0 || activatedAt.has(appUserId))
      .map(([appUserId]) => activatedAt.get(appUserId) ?? null),
  };
  return { users: population.users, measured: judgeOutage(facts) };
}

async function perform(options: ChaosOptions, scene: Scene, say: Say) {
  const random = createRandom(String(options.seed));
  const tally = createTally();
  const load = createLoad({ scene, random, tally });
  const performed = [];
  for (const [index, outage] of options.outages.entries()) {
    performed.push(await performOne({ scene, load, options, random, tally, say }, outage, index));
  }
  load.giveUp();
  await load.queueSenders.close();
  const evidence: Evidence = {
    users: new Map(performed.flatMap(({ users }) => [...users])),
    acknowledged: load.senders.acknowledged,
    asked: load.viewers.asked,
    tokens: load.viewers.issued,
    mappings: await scene.mappings.list(),
    ledger: await scene.vital.listEver(),
    deletedUpstream: new Set(),
  };
  return { tally, outages: performed.map(({ measured }) => measured), problems: judge(evidence) };
}

/** The product's own default: how long an answer takes while Vital hangs depends on it. */
const vitalTimeoutMs = 5_000;

/** One run: takes one service away after the other, each for as long as was asked for, and judges. */
export const runOutages = (options: Omit<RunOptions, "vitalTimeoutMs">) =>
  runScene({ ...options, vitalTimeoutMs }, (scene) => perform(options.options, scene, options.say));

export type OutageRun = Awaited<ReturnType<typeof runOutages>>;
