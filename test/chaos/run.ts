import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startEmbeddedMongo } from "../../src/dev/embedded/mongo.js";
import { findFreePort } from "../../src/dev/embedded/ports.js";
import { startEmbeddedRedis } from "../../src/dev/embedded/redis.js";
import type { Say } from "../../src/dev/embedded/server.js";
import { eventually } from "../support/eventually.js";
import type { PlannedFault, World } from "./fault-kinds.js";
import { createFaultRunner } from "./fault-runner.js";
import { startFleet, type Fleet } from "./fleet.js";
import { startIssuer } from "./issuer.js";
import { countBugs, readLogFiles } from "./log-files.js";
import type { ChaosOptions } from "./options.js";
import { runWhenDue } from "./pacing.js";
import { planPopulation, type Population } from "./population.js";
import { buildProduct } from "./product-build.js";
import type { UnaskedEnd } from "./product-process.js";
import { createQueueSenders } from "./queue-senders.js";
import { createRandom } from "./random.js";
import { planFaults, type Targets } from "./schedule.js";
import { createSenders } from "./senders.js";
import { openStoredMappings, type StoredMappings } from "./stored-mappings.js";
import { createTally } from "./tally.js";
import { judge, type Evidence } from "./verdict.js";
import { startVitalSide, type VitalSide } from "./vital-side.js";
import { createViewers } from "./viewers.js";

/** From the time when nothing is down any more: the promise for deletions, which take longest. */
const restWithinMs = 60_000;
/** A short time-out makes a short run; deletions wait for it. */
const vitalTimeoutMs = 2_000;
/** How long processes may take to load their code, on a machine that is busy otherwise. */
const bootMs = 120_000;
/** How long senders go on after the last fault. */
const lastDeliveriesMs = 60_000;

type Opened = { stop: () => unknown }[];

/** Starts all that a run needs; `opened` takes what is to be closed, in that order. */
async function startWorld(options: ChaosOptions, logFolder: string, opened: Opened, say: Say) {
  const build = await buildProduct();
  opened.push({ stop: build.remove });
  const [mongo, redis, issuer] = await Promise.all([
    startEmbeddedMongo({ say, env: process.env }),
    startEmbeddedRedis({ say, env: process.env }),
    startIssuer(),
  ]);
  opened.push({ stop: () => mongo.stop() }, { stop: () => redis.stop() }, { stop: issuer.close });

  const unaskedEnds: UnaskedEnd[] = [];
  const onUnaskedEnd = (end: UnaskedEnd) => {
    say(`${end.name} ended by itself: ${end.how}`);
    unaskedEnds.push(end);
  };
  const apiKey = `sk_us_${randomBytes(16).toString("hex")}`;
  const eventSecret = randomBytes(32);
  const logPath = join(logFolder, "simulator.log");
  const port = await findFreePort();
  const vital = startVitalSide({ script: build.simulator, port, apiKey, logPath, onUnaskedEnd });
  opened.push({ stop: vital.close });

  const fleet = await startFleet({
    ...options,
    cli: build.cli,
    mongo,
    redisPort: redis.port,
    vitalPort: vital.port,
    env: {
      VITAL_API_KEY: apiKey,
      VITAL_TIMEOUT_MS: String(vitalTimeoutMs),
      AUTH_ISSUER: issuer.url,
      AUTH_AUDIENCE: issuer.audience,
      EVENTS_SIGNING_SECRETS: `whsec_${eventSecret.toString("base64")}`,
    },
    logFolder,
    onUnaskedEnd,
  });
  opened.push({ stop: fleet.close });
  const mappings = await openStoredMappings(mongo.url);
  opened.push({ stop: mappings.close });
  await eventually("the simulator is up", vital.isUp, bootMs);
  await eventually("all processes are ready", fleet.isReady, bootMs);
  const secrets = [apiKey, eventSecret.toString("base64")];
  return { mongo, redis, issuer, vital, fleet, mappings, unaskedEnds, eventSecret, secrets };
}

type Started = Awaited<ReturnType<typeof startWorld>>;

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

function createWorld({ fleet, mongo, redis, vital }: Started) {
  const badStops: string[] = [];
  const world: World = {
    members: fleet.members,
    mongo,
    redis,
    vital,
    throttleWindows: { isOpen: false, calls: [] },
    onBadStop: (description) => badStops.push(description),
  };
  return { world, badStops };
}

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

/** Those whose active mapping names a Vital user that is gone: nobody has asked for a token since. */
async function listDisowned({ list }: StoredMappings, vital: VitalSide): Promise<string[]> {
  const [mappings, ledger] = [await list(), await vital.listEver()];
  const live = new Set(
    ledger.filter(({ deletedAt }) => deletedAt === null).map(({ vitalUserId }) => vitalUserId),
  );
  return mappings
    .filter(({ state, vitalUserId }) => state === "active" && !live.has(vitalUserId ?? ""))
    .map(({ _id }) => _id);
}

const toLine = ({ name, target, durationMs }: PlannedFault, passedMs: number) =>
  `${(passedMs / 1000).toFixed(1).padStart(6)} s  ${name} (${target}, ${durationMs} ms)`;

async function perform(options: ChaosOptions, started: Started, say: Say) {
  const random = createRandom(String(options.seed));
  const windowMs = options.seconds * 1000;
  const population = planPopulation({ ...options, windowMs, startedAt: new Date(), random });
  const faults = planFaults({ targets: toTargets(started.fleet), windowMs, random });
  const { world, badStops } = createWorld(started);
  const tally = createTally();
  const giveUp = new AbortController();
  // Every sender listens to it.
  setMaxListeners(0, giveUp.signal);
  const { gatewayUrls } = started.fleet;
  const { signal } = giveUp;
  const senders = createSenders({ gatewayUrls, secret: started.eventSecret, random, tally, signal });
  const viewers = createViewers({ gatewayUrls, toAccessToken: started.issuer.toToken, random, tally });

  say(
    `${population.deliveries.length} deliveries, ${population.visits.length} visits, ${faults.length} faults`,
  );
  const startedAtMs = performance.now();
  const sending = runWhenDue(population.deliveries, { startedAtMs, maxUnderWay: 1_000 }, ({ event }) =>
    senders.deliver(event),
  );
  const visiting = runWhenDue(population.visits, { startedAtMs, maxUnderWay: 300 }, ({ appUserId }) =>
    viewers.visit(appUserId),
  );
  const queueSenders = createQueueSenders({ redisUrl: started.redis.url, tally });
  const enqueuing = runWhenDue(population.queueCopies, { startedAtMs, maxUnderWay: 300 }, ({ event }) =>
    queueSenders.deliver(event),
  );
  const deleting = deleteUpstream(population, world, startedAtMs);
  const runner = createFaultRunner(world);
  await runWhenDue(faults, { startedAtMs, maxUnderWay: faults.length }, (fault) =>
    runner.run(fault, () => {
      tally.count("fault", fault.name);
      say(toLine(fault, performance.now() - startedAtMs));
    }),
  );

  const calmAtMs = performance.now();
  await Promise.race([sending, delay(lastDeliveriesMs)]);
  giveUp.abort();
  const [deletedUpstream] = await Promise.all([deleting, sending, visiting, enqueuing]);
  await queueSenders.close();
  await eventually("all processes are back", started.fleet.isReady, bootMs);
  say("all is back and published; waiting for rest");
  const restMs = await started.mappings.waitForRest(restWithinMs);
  const restAfterSeconds = restMs === null ? null : (performance.now() - calmAtMs) / 1000;

  const disowned = await listDisowned(started.mappings, started.vital);
  await Promise.all(disowned.map((appUserId) => viewers.insist(appUserId, 20_000)));
  await started.mappings.waitForRest(10_000);

  const evidence: Evidence = {
    users: population.users,
    acknowledged: senders.acknowledged,
    asked: viewers.asked,
    tokens: viewers.issued,
    mappings: await started.mappings.list(),
    ledger: await started.vital.listEver(),
    deletedUpstream,
  };
  return {
    tally,
    restAfterSeconds,
    badStops,
    evidence,
    events: [...population.users.values()].flat().length,
    healed: disowned.length,
    throttleWindows: world.throttleWindows.calls,
    problems: judge(evidence),
  };
}

/** One run: starts everything, lets faults and load loose on it, waits for rest, and judges. */
export async function runChaos(options: ChaosOptions, say: Say) {
  const logFolder = mkdtempSync(join(tmpdir(), "vital-gateway-chaos-"));
  const opened: Opened = [];
  const closeAll = async () => {
    for (const { stop } of opened.splice(0).reverse()) await stop();
  };
  const beganAtMs = performance.now();
  try {
    const started = await startWorld(options, logFolder, opened, say);
    const performed = await perform(options, started, say);
    const logPaths = started.fleet.members.map(({ process: { logPath } }) => logPath);
    const logs = readLogFiles(logPaths, started.secrets);
    const { unaskedEnds } = started;
    const seconds = (performance.now() - beganAtMs) / 1000;
    return { ...performed, options, unaskedEnds, logs, bugs: countBugs(logs), logFolder, seconds };
  } finally {
    await closeAll();
  }
}

export type ChaosRun = Awaited<ReturnType<typeof runChaos>>;

/** Removes what a run has written. */
export const removeLogs = ({ logFolder }: ChaosRun): void => {
  rmSync(logFolder, { recursive: true, force: true });
};
