import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { startEmbeddedMongo } from "../../src/dev/embedded/mongo.js";
import { findFreePort } from "../../src/dev/embedded/ports.js";
import { startEmbeddedRedis } from "../../src/dev/embedded/redis.js";
import type { Say } from "../../src/dev/embedded/server.js";
import { eventually } from "../support/eventually.js";
import type { World } from "./fault-kinds.js";
import { startFleet } from "./fleet.js";
import { startIssuer } from "./issuer.js";
import type { ChaosOptions } from "./options.js";
import { buildProduct } from "./product-build.js";
import type { UnaskedEnd } from "./product-process.js";
import { openStoredMappings } from "./stored-mappings.js";
import { startVitalSide } from "./vital-side.js";

/** A short time-out makes a short run; deletions wait for it. */
const vitalTimeoutMs = 2_000;

/** How long processes may take to load their code, on a machine that is busy otherwise. */
export const bootMs = 120_000;

/** What is to be closed at the end, in reverse. */
export type Opened = { stop: () => unknown }[];

async function startServices(opened: Opened, say: Say) {
  const mongo = await startEmbeddedMongo({ say, env: process.env });
  opened.push({ stop: () => mongo.stop() });
  const redis = await startEmbeddedRedis({ say, env: process.env });
  opened.push({ stop: () => redis.stop() });
  const issuer = await startIssuer();
  opened.push({ stop: issuer.close });
  return { mongo, redis, issuer };
}

/** Starts all that a run needs, and waits until every process is ready. */
export async function startScene(options: ChaosOptions, logFolder: string, opened: Opened, say: Say) {
  const build = await buildProduct();
  opened.push({ stop: build.remove });
  const { mongo, redis, issuer } = await startServices(opened, say);
  const unaskedEnds: UnaskedEnd[] = [];
  const badStops: string[] = [];
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
    vitalPort: port,
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

  const world: World = {
    members: fleet.members,
    mongo,
    redis,
    vital,
    throttleWindows: { isOpen: false, calls: [] },
    onBadStop: (description) => badStops.push(description),
  };
  const secrets = [apiKey, eventSecret.toString("base64")];
  return { world, fleet, issuer, mappings, unaskedEnds, badStops, eventSecret, secrets };
}

export type Scene = Awaited<ReturnType<typeof startScene>>;
