import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Say } from "../../src/dev/embedded/server.js";
import { eventually } from "../support/eventually.js";
import type { PlannedFault } from "./fault-kinds.js";
import { createFaultRunner } from "./fault-runner.js";
import type { Fleet } from "./fleet.js";
import { startLoad } from "./load.js";
import { countBugs, readLogFiles } from "./log-files.js";
import type { ChaosOptions } from "./options.js";
import { runWhenDue } from "./pacing.js";
import { planPopulation } from "./population.js";
import { createRandom, type SeededRandom } from "./random.js";
import { bootMs, startScene, type Opened, type Scene } from "./scene.js";
import { planFaults, type Targets } from "./schedule.js";
import { createTally, type Tally } from "./tally.js";
import { judge, type Evidence } from "./verdict.js";

/** From the time when nothing is down any more: the promise for deletions, which take longest. */
const restWithinMs = 60_000;
/** How long senders go on after the last fault. */
const lastDeliveriesMs = 60_000;

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
  windowMs: number;
  startedAtMs: number;
  random: SeededRandom;
  tally: Tally;
  say: Say;
}): Promise<void> {
  const { scene, windowMs, startedAtMs, random, tally, say } = options;
  const faults = planFaults({ targets: toTargets(scene.fleet), windowMs, random });
  const runner = createFaultRunner(scene.world);
  await runWhenDue(faults, { startedAtMs, maxUnderWay: Infinity }, (fault) =>
    runner.run(fault, () => {
      tally.count("fault", fault.name);
      say(toLine(fault, performance.now() - startedAtMs));
    }),
  );
}

/** Those whose active mapping names a Vital user that is gone: nobody has asked for a token since. */
async function listDisowned({ mappings, world }: Scene): Promise<string[]> {
  const ledger = await world.vital.listEver();
  const isLive = new Set(
    ledger.filter(({ deletedAt }) => deletedAt === null).map(({ vitalUserId }) => vitalUserId),
  );
  return (await mappings.list())
    .filter(({ state, vitalUserId }) => state === "active" && !isLive.has(vitalUserId ?? ""))
    .map(({ _id }) => _id);
}

async function perform(options: ChaosOptions, scene: Scene, say: Say) {
  const random = createRandom(String(options.seed));
  const windowMs = options.seconds * 1000;
  const tally = createTally();
  const population = planPopulation({ ...options, windowMs, startedAt: new Date(), random });
  say(`${population.deliveries.length} deliveries, ${population.visits.length} visits`);
  const startedAtMs = performance.now();
  const load = startLoad({ scene, population, startedAtMs, random, tally });
  await runFaults({ scene, windowMs, startedAtMs, random, tally, say });

  const calmAtMs = performance.now();
  const { deletedUpstream } = await load.finish(lastDeliveriesMs);
  await eventually("all processes are back", scene.fleet.isReady, bootMs);
  say("all is back and published; waiting for rest");
  const isAtRest = await scene.mappings.waitForRest(restWithinMs);
  const restAfterSeconds = isAtRest ? (performance.now() - calmAtMs) / 1000 : null;

  const disowned = await listDisowned(scene);
  await Promise.all(disowned.map((appUserId) => load.viewers.insist(appUserId, 20_000)));
  await scene.mappings.waitForRest(10_000);

  const evidence: Evidence = {
    users: population.users,
    acknowledged: load.acknowledged,
    asked: load.viewers.asked,
    tokens: load.viewers.issued,
    mappings: await scene.mappings.list(),
    ledger: await scene.world.vital.listEver(),
    deletedUpstream,
  };
  return { tally, restAfterSeconds, evidence, healed: disowned.length, problems: judge(evidence) };
}

/** One run: starts everything, lets faults and load loose on it, waits for rest, and judges. */
export async function runChaos(options: ChaosOptions, say: Say) {
  const logFolder = mkdtempSync(join(tmpdir(), "vital-gateway-chaos-"));
  const opened: Opened = [];
  const beganAtMs = performance.now();
  try {
    const scene = await startScene(options, logFolder, opened, say);
    const performed = await perform(options, scene, say);
    const logPaths = scene.fleet.members.map(({ process: { logPath } }) => logPath);
    const logs = readLogFiles(logPaths, scene.secrets);
    const { unaskedEnds, badStops, world } = scene;
    return {
      ...performed,
      options,
      unaskedEnds,
      badStops,
      throttleWindows: world.throttleWindows.calls,
      logs,
      bugs: countBugs(logs),
      logFolder,
      seconds: (performance.now() - beganAtMs) / 1000,
    };
  } finally {
    for (const { stop } of opened.reverse()) await stop();
  }
}

export type ChaosRun = Awaited<ReturnType<typeof runChaos>>;

/** Removes what a run has written. */
export const removeLogs = ({ logFolder }: ChaosRun): void => {
  rmSync(logFolder, { recursive: true, force: true });
};
