import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { startEmbeddedMongo } from "../../dev/embedded/mongo.js";
import { findFreePort } from "../../dev/embedded/ports.js";
import { startEmbeddedRedis } from "../../dev/embedded/redis.js";
import type { Say } from "../../dev/embedded/server.js";
import { waitUntil } from "../support/wait-until.js";
import { startFleet } from "./processes/fleet.js";
import type { Guard } from "./processes/cleanup.js";
import { startIssuer } from "./processes/issuer.js";
import { readLogFiles } from "./verdict/log-files.js";
import type { ChaosOptions } from "./options.js";
import { buildProduct } from "./processes/product-build.js";
import type { UnaskedEnd } from "./processes/product-process.js";
import { openStoredMappings } from "./verdict/stored-mappings.js";
import type { ThrottleWindows } from "./faults/retry-after-window.js";
import { startVitalSide } from "./processes/simulated-vital.js";

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

export type SceneOptions = Pick<ChaosOptions, "gateways" | "workers"> & {
  logFolder: string;
  guard: Guard;
  /** What the product waits for one call to Vital. */
  vitalTimeoutMs: number;
  say: Say;
};

/** Starts all that a run needs, and waits until every process is ready. */
export async function startScene(options: SceneOptions, opened: Opened) {
  const { logFolder, guard, vitalTimeoutMs, say } = options;
  const build = await buildProduct(guard.folder);
  opened.push({ stop: build.remove });
  const { mongo, redis, issuer } = await startServices(opened, say);
  const unaskedEnds: UnaskedEnd[] = [];
  const badStops: string[] = [];
  const onUnaskedEnd = (end: UnaskedEnd) => {
    say(`${end.name} ended by itself: ${end.how}`);
    unaskedEnds.push(end);
  };
  const keeper = { guard, onUnaskedEnd };
  const apiKey = `sk_us_${randomBytes(16).toString("hex")}`;
  const eventSecret = randomBytes(32);
  const logPath = join(logFolder, "simulator.log");
  const port = await findFreePort();
  const vital = startVitalSide({ script: build.simulator, port, apiKey, logPath, keeper });
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
    keeper,
  });
  opened.push({ stop: fleet.close });
  const mappings = await openStoredMappings(mongo.url);
  opened.push({ stop: mappings.close });
  await waitUntil("the simulator is up", vital.isUp, bootMs);
  await waitUntil("all processes are ready", fleet.isReady, bootMs);

  const throttleWindows: ThrottleWindows = { isOpen: false, measured: [], missed: 0 };
  const secrets = [apiKey, eventSecret.toString("base64")];
  const readLogs = () =>
    readLogFiles(
      fleet.members.map((member) => member.process.logPath),
      secrets,
    );
  return {
    ...{ members: fleet.members, fleet, mongo, redis, vital, issuer, mappings, eventSecret },
    ...{ throttleWindows, unaskedEnds, badStops },
    onBadStop: (description: string) => void badStops.push(description),
    /** What the processes have written so far. */
    readLogs,
  };
}

export type Scene = Awaited<ReturnType<typeof startScene>>;
