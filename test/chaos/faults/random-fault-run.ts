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

/** Counted from the time when all processes are ready and all events are sent. The product promises this for deletions. */
const settleWithinMs = 60_000;
/** How long senders continue after the last fault. */
const lastDeliveriesMs = 60_000;
/** Without faults, a final response arrives well within this time. */
const servedWithinMs = 20_000;
const maxCheckedViewers = 200;

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

/** Runs the planned faults. Resolves when the last one is over. */
async function runFaults(options: {
  testbed: Testbed;
  load: LoadControls;
  windowMs: number;
  startedAtMs: number;
  random: SeededRandom;
  counters: Counters;
  print: Print;
}): Promise<void> {
  const { testbed, load, windowMs, startedAtMs, random, counters, print } = options;
  const faults = planFaults({ targets: toTargets(testbed.fleet), windowMs, random });
  const runner = createFaultRunner({ ...testbed, load });
  await runWhenDue(faults, { startedAtMs, maxConcurrent: Infinity }, (fault) =>
    runner.run(fault, () => {
      counters.increment("fault", fault.name);
      print(toLine(fault, performance.now() - startedAtMs));
    }),
  );
}

/**
 * Lists the app users whose active mapping names a Vital user that was deleted directly at Vital. The product notices
 * that only when a token is requested. Vital users that the product itself deleted are left out, because a token request
 * would repair the mapping and hide the violation.
 */
async function listUsersToReplace({ mappings, vital }: Testbed, deletedAtVital: ReadonlySet<string>) {
  const ledger = await vital.listAllUsers();
  const liveIds = new Set(
    ledger.filter(({ deletedAt }) => deletedAt === null).map(({ vitalUserId }) => vitalUserId),
  );
  return (await mappings.list())
    .filter(({ state, vitalUserId = "" }) => state === "active" && !liveIds.has(vitalUserId))
    .filter(({ vitalUserId = "" }) => deletedAtVital.has(vitalUserId))
    .map(({ _id }) => _id);
}

const expectedOutcome: Readonly<Record<string, string>> = { active: "issued", deleted: "FORBIDDEN" };

/** Requests tokens for a sample of app users. Returns those whose outcome does not match their mapping. */
async function checkViewers({ mappings }: Testbed, viewers: Viewers, random: SeededRandom) {
  const sample = random
    .fork("at rest")
    .shuffle(await mappings.list())
    .slice(0, maxCheckedViewers);
  const problems = await Promise.all(
    sample.map(async ({ _id, state }) => {
      const { outcome } = await viewers.requestUntilFinal(_id, servedWithinMs);
      return outcome === expectedOutcome[state] ? null : `${_id}: mapping ${state}, outcome ${outcome}`;
    }),
  );
  return { checkedViewers: sample.length, unservedViewers: problems.filter((line) => line !== null) };
}

async function perform(options: ChaosOptions, testbed: Testbed, print: Print) {
  const random = createRandom(String(options.seed));
  const windowMs = options.seconds * 1000;
  const counters = createCounters();
  const plan = planLoad({ ...options, windowMs, startedAt: new Date(), random });
  print(`Load: ${plan.deliveries.length} event deliveries, ${plan.visits.length} sign-ins.`);
  const startedAtMs = performance.now();
  const load = startLoad({ testbed, plan, startedAtMs, random, counters });
  await runFaults({ testbed, load: load.controls, windowMs, startedAtMs, random, counters, print });

  const faultsOverAtMs = performance.now();
  const { deletedAtVital } = await load.finish(lastDeliveriesMs);
  await waitUntil("all processes are ready", testbed.fleet.isReady, startTimeoutMs);
  print("All processes are ready and all events are sent. Waiting until all mappings are settled.");
  const isSettled = await testbed.mappings.waitUntilSettled(settleWithinMs);
  const settledAfterSeconds = isSettled ? (performance.now() - faultsOverAtMs) / 1000 : null;

  const toReplace = await listUsersToReplace(testbed, deletedAtVital);
  await Promise.all(toReplace.map((appUserId) => load.viewers.requestUntilFinal(appUserId, servedWithinMs)));
  const served = await checkViewers(testbed, load.viewers, random);
  await testbed.mappings.waitUntilSettled(10_000);

  const evidence: Evidence = {
    users: plan.users,
    acknowledged: load.acknowledged,
    requestedBy: load.viewers.requestedBy,
    tokens: load.viewers.issued,
    mappings: await testbed.mappings.list(),
    ledger: await testbed.vital.listAllUsers(),
    deletedAtVital,
  };
  const { retryAfterWindows } = testbed;
  const verdict = { evidence, violations: findViolations(evidence), replaced: toReplace.length };
  return { counters, settledAfterSeconds, retryAfterWindows, ...served, ...verdict };
}

/** Shorter than the default, because deletions wait for it. */
const vitalTimeoutMs = 2_000;

/** Runs random faults under load, waits until everything is settled, and checks the invariants. */
export const runRandomFaults = (options: Omit<RunOptions, "vitalTimeoutMs">) =>
  runOnTestbed({ ...options, vitalTimeoutMs }, (testbed) => perform(options.options, testbed, options.print));

export type RandomFaultRun = Awaited<ReturnType<typeof runRandomFaults>>;
