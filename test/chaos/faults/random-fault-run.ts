import type { Say } from "../../../dev/embedded/server.js";
import { waitUntil } from "../../support/wait-until.js";
import type { PlannedFault } from "./fault-kinds.js";
import { createFaultRunner } from "./fault-runner.js";
import type { Fleet } from "../processes/fleet.js";
import { startLoad } from "../load/load.js";
import type { LoadControls } from "../load/load-controls.js";
import type { ChaosOptions } from "../options.js";
import { runWhenDue } from "../load/run-when-due.js";
import { planPopulation } from "../load/load-plan.js";
import { createRandom, type SeededRandom } from "../../support/random.js";
import { runScene, type RunOptions } from "../run.js";
import { bootMs, type Scene } from "../testbed.js";
import { planFaults, type Targets } from "./fault-plan.js";
import { createTally, type Tally } from "../counters.js";
import { judge, type Evidence } from "../verdict/invariants.js";
import type { Viewers } from "../load/viewers.js";

/** From the time when nothing is down any more: the promise for deletions, which take longest. */
const restWithinMs = 60_000;
/** How long senders go on after the last fault. */
const lastDeliveriesMs = 60_000;
/** At rest nothing is in the way of an answer. */
const servedWithinMs = 20_000;
const maxAskedAtRest = 200;

function toTargets({ members }: Fleet): Targets {
  const names = (isWanted: (member: Fleet["members"][number]) => boolean) =>
    members.filter(isWanted).map(({ name }) => name);
  return {
    worker: names(({ role }) => role === "worker"),
    gateway: names(({ role }) => role === "gateway"),
    "direct-member": names(({ links }) => links.mongo !== null),
    member: names(() => true),
  };
}

const toLine = ({ name, target, durationMs }: PlannedFault, passedMs: number) =>
  `${(passedMs / 1000).toFixed(1).padStart(6)} s  ${name} (${target}, ${durationMs} ms)`;

/** Runs the planned faults; resolves when the last one is over. */
async function runFaults(options: {
  scene: Scene;
  load: LoadControls;
  windowMs: number;
  startedAtMs: number;
  random: SeededRandom;
  tally: Tally;
  say: Say;
}): Promise<void> {
  const { scene, load, windowMs, startedAtMs, random, tally, say } = options;
  const faults = planFaults({ targets: toTargets(scene.fleet), windowMs, random });
  const runner = createFaultRunner({ ...scene, load });
  await runWhenDue(faults, { startedAtMs, maxUnderWay: Infinity }, (fault) =>
    runner.run(fault, () => {
      tally.count("fault", fault.name);
      say(toLine(fault, performance.now() - startedAtMs));
    }),
  );
}

/**
 * Those whose active mapping names a Vital user that was deleted at Vital itself: nobody has asked for a token since.
 * One that was deleted by the product is not among them: that is no reason to heal it before it is judged.
 */
async function listDisowned({ mappings, vital }: Scene, deletedUpstream: ReadonlySet<string>) {
  const ledger = await vital.listEver();
  const isLive = new Set(
    ledger.filter(({ deletedAt }) => deletedAt === null).map(({ vitalUserId }) => vitalUserId),
  );
  return (await mappings.list())
    .filter(({ state, vitalUserId = "" }) => state === "active" && !isLive.has(vitalUserId))
    .filter(({ vitalUserId = "" }) => deletedUpstream.has(vitalUserId))
    .map(({ _id }) => _id);
}

const rightAnswer: Readonly<Record<string, string>> = { active: "issued", deleted: "FORBIDDEN" };

/** Asks for a token for some of all, and tells of those who do not get what their mapping says. */
async function askAtRest({ mappings }: Scene, viewers: Viewers, random: SeededRandom) {
  const some = random
    .fork("at rest")
    .shuffle(await mappings.list())
    .slice(0, maxAskedAtRest);
  const answers = await Promise.all(
    some.map(async ({ _id, state }) => {
      const { outcome } = await viewers.insist(_id, servedWithinMs);
      return outcome === rightAnswer[state] ? null : `${_id}: ${state}, answered ${outcome}`;
    }),
  );
  return { askedAtRest: some.length, unserved: answers.filter((line) => line !== null) };
}

async function perform(options: ChaosOptions, scene: Scene, say: Say) {
  const random = createRandom(String(options.seed));
  const windowMs = options.seconds * 1000;
  const tally = createTally();
  const population = planPopulation({ ...options, windowMs, startedAt: new Date(), random });
  say(`${population.deliveries.length} deliveries, ${population.visits.length} visits`);
  const startedAtMs = performance.now();
  const load = startLoad({ scene, population, startedAtMs, random, tally });
  await runFaults({ scene, load: load.controls, windowMs, startedAtMs, random, tally, say });

  const calmAtMs = performance.now();
  const { deletedUpstream } = await load.finish(lastDeliveriesMs);
  await waitUntil("all processes are back", scene.fleet.isReady, bootMs);
  say("all is back and published; waiting for rest");
  const isAtRest = await scene.mappings.waitForRest(restWithinMs);
  const restAfterSeconds = isAtRest ? (performance.now() - calmAtMs) / 1000 : null;

  const disowned = await listDisowned(scene, deletedUpstream);
  await Promise.all(disowned.map((appUserId) => load.viewers.insist(appUserId, servedWithinMs)));
  const served = await askAtRest(scene, load.viewers, random);
  await scene.mappings.waitForRest(10_000);

  const evidence: Evidence = {
    users: population.users,
    acknowledged: load.acknowledged,
    asked: load.viewers.asked,
    tokens: load.viewers.issued,
    mappings: await scene.mappings.list(),
    ledger: await scene.vital.listEver(),
    deletedUpstream,
  };
  const { throttleWindows } = scene;
  const judged = { evidence, problems: judge(evidence), healed: disowned.length };
  return { tally, restAfterSeconds, throttleWindows, ...served, ...judged };
}

/** A short time-out makes a short run; deletions wait for it. */
const vitalTimeoutMs = 2_000;

/** One run: starts everything, lets faults and load loose on it, waits for rest, and judges. */
export const runFaultsByChance = (options: Omit<RunOptions, "vitalTimeoutMs">) =>
  runScene({ ...options, vitalTimeoutMs }, (scene) => perform(options.options, scene, options.say));

export type FaultRun = Awaited<ReturnType<typeof runFaultsByChance>>;
