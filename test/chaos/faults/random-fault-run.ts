import type { Print } from "../../../dev/embedded/server.js";
import { waitUntil } from "../../support/wait-until.js";
import type { PlannedFault } from "./fault-kinds.js";
import type { LoadControls } from "./retry-after-window.js";
import { createFaultRunner } from "./fault-runner.js";
import type { Fleet } from "../processes/fleet.js";
import { startLoad } from "../load/load.js";
import type { ChaosOptions } from "../options.js";
import { runWhenDue } from "../load/run-when-due.js";
import { planLoad } from "../load/load-plan.js";
import { createRandom, type SeededRandom } from "../../support/random.js";
import { runOnTestbed, type RunOptions } from "../run.js";
import { startTimeoutMs, type Testbed } from "../testbed.js";
import { planFaults, type Targets } from "./fault-plan.js";
import { createCounters, type Counters } from "../counters.js";
import { findViolations, type Evidence } from "../verdict/invariants.js";
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
    "direct-member": names(({ proxies }) => proxies.mongo !== null),
    member: names(() => true),
  };
}

const toLine = ({ name, target, durationMs }: PlannedFault, passedMs: number) =>
  `${(passedMs / 1000).toFixed(1).padStart(6)} s  ${name} (${target}, ${durationMs} ms)`;

/** Runs the planned faults; resolves when the last one is over. */
async function runFaults(options: {
  testbed: Testbed;
  load: LoadControls;
  windowMs: number;
  startedAtMs: number;
  random: SeededRandom;
  counters: Counters;
  say: Print;
}): Promise<void> {
  const { testbed, load, windowMs, startedAtMs, random, counters, say } = options;
  const faults = planFaults({ targets: toTargets(testbed.fleet), windowMs, random });
  const runner = createFaultRunner({ ...testbed, load });
  await runWhenDue(faults, { startedAtMs, maxConcurrent: Infinity }, (fault) =>
    runner.run(fault, () => {
      counters.increment("fault", fault.name);
      say(toLine(fault, performance.now() - startedAtMs));
    }),
  );
}

/**
 * Those whose active mapping names a Vital user that was deleted at Vital itself: nobody has asked for a token since.
 * One that was deleted by the product is not among them: that is no reason to heal it before it is judged.
 */
async function listDisowned({ mappings, vital }: Testbed, deletedAtVital: ReadonlySet<string>) {
  const ledger = await vital.listAllUsers();
  const isLive = new Set(
    ledger.filter(({ deletedAt }) => deletedAt === null).map(({ vitalUserId }) => vitalUserId),
  );
  return (await mappings.list())
    .filter(({ state, vitalUserId = "" }) => state === "active" && !isLive.has(vitalUserId))
    .filter(({ vitalUserId = "" }) => deletedAtVital.has(vitalUserId))
    .map(({ _id }) => _id);
}

const rightAnswer: Readonly<Record<string, string>> = { active: "issued", deleted: "FORBIDDEN" };

/** Asks for a token for some of all, and tells of those who do not get what their mapping says. */
async function askAtRest({ mappings }: Testbed, viewers: Viewers, random: SeededRandom) {
  const some = random
    .fork("at rest")
    .shuffle(await mappings.list())
    .slice(0, maxAskedAtRest);
  const answers = await Promise.all(
    some.map(async ({ _id, state }) => {
      const { outcome } = await viewers.requestUntilFinal(_id, servedWithinMs);
      return outcome === rightAnswer[state] ? null : `${_id}: ${state}, answered ${outcome}`;
    }),
  );
  return { askedAtRest: some.length, unserved: answers.filter((line) => line !== null) };
}

async function perform(options: ChaosOptions, testbed: Testbed, say: Print) {
  const random = createRandom(String(options.seed));
  const windowMs = options.seconds * 1000;
  const counters = createCounters();
  const plan = planLoad({ ...options, windowMs, startedAt: new Date(), random });
  say(`${plan.deliveries.length} deliveries, ${plan.visits.length} visits`);
  const startedAtMs = performance.now();
  const load = startLoad({ testbed, plan, startedAtMs, random, counters });
  await runFaults({ testbed, load: load.controls, windowMs, startedAtMs, random, counters, say });

  const calmAtMs = performance.now();
  const { deletedAtVital } = await load.finish(lastDeliveriesMs);
  await waitUntil("all processes are back", testbed.fleet.isReady, startTimeoutMs);
  say("all is back and published; waiting for rest");
  const isSettled = await testbed.mappings.waitUntilSettled(restWithinMs);
  const restAfterSeconds = isSettled ? (performance.now() - calmAtMs) / 1000 : null;

  const disowned = await listDisowned(testbed, deletedAtVital);
  await Promise.all(disowned.map((appUserId) => load.viewers.requestUntilFinal(appUserId, servedWithinMs)));
  const served = await askAtRest(testbed, load.viewers, random);
  await testbed.mappings.waitUntilSettled(10_000);

  const evidence: Evidence = {
    users: plan.users,
    acknowledged: load.acknowledged,
    asked: load.viewers.asked,
    tokens: load.viewers.issued,
    mappings: await testbed.mappings.list(),
    ledger: await testbed.vital.listAllUsers(),
    deletedAtVital,
  };
  const { retryAfterWindows } = testbed;
  const judged = { evidence, violations: findViolations(evidence), healed: disowned.length };
  return { counters, restAfterSeconds, retryAfterWindows, ...served, ...judged };
}

/** A short time-out makes a short run; deletions wait for it. */
const vitalTimeoutMs = 2_000;

/** One run: starts everything, lets faults and load loose on it, waits for rest, and judges. */
export const runRandomFaults = (options: Omit<RunOptions, "vitalTimeoutMs">) =>
  runOnTestbed({ ...options, vitalTimeoutMs }, (testbed) => perform(options.options, testbed, options.say));

export type RandomFaultRun = Awaited<ReturnType<typeof runRandomFaults>>;
