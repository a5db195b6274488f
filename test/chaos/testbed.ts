import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { startEmbeddedMongo } from "../../dev/embedded/mongo.js";
import { findFreePort } from "../../dev/embedded/ports.js";
import { startEmbeddedRedis } from "../../dev/embedded/redis.js";
import type { Print } from "../../dev/embedded/server.js";
import { waitUntil } from "../support/wait-until.js";
import { startFleet } from "./processes/fleet.js";
import type { CleanupProcess } from "./processes/cleanup.js";
import { startIssuer } from "./processes/issuer.js";
import { readLogFiles } from "./verdict/log-files.js";
import type { ChaosOptions } from "./options.js";
import { buildProduct } from "./processes/product-build.js";
import type { UnexpectedExit } from "./processes/product-process.js";
import { openStoredMappings } from "./verdict/stored-mappings.js";
import type { RetryAfterWindows } from "./faults/retry-after-window.js";
import { startSimulatedVital } from "./processes/simulated-vital.js";

/** How long processes may take to load their code, on a machine that is busy otherwise. */
export const startTimeoutMs = 120_000;

/** What is to be closed at the end, in reverse. */
export type Closers = { stop: () => unknown }[];

async function startServices(closers: Closers, say: Print) {
  const mongo = await startEmbeddedMongo({ print: say, env: process.env });
  closers.push({ stop: () => mongo.stop() });
  const redis = await startEmbeddedRedis({ print: say, env: process.env });
  closers.push({ stop: () => redis.stop() });
  const issuer = await startIssuer();
  closers.push({ stop: issuer.close });
  return { mongo, redis, issuer };
}

export type TestbedOptions = Pick<ChaosOptions, "gateways" | "workers"> & {
  logFolder: string;
  cleanup: CleanupProcess;
  /** What the product waits for one call to Vital. */
  vitalTimeoutMs: number;
  say: Print;
};

/** Starts all that a run needs, and waits until every process is ready. */
export async function startTestbed(options: TestbedOptions, closers: Closers) {
  const { logFolder, cleanup, vitalTimeoutMs, say } = options;
  const build = await buildProduct(cleanup.addFolder);
  closers.push({ stop: build.remove });
  const { mongo, redis, issuer } = await startServices(closers, say);
  const unexpectedExits: UnexpectedExit[] = [];
  const stopProblems: string[] = [];
  const onUnexpectedExit = (end: UnexpectedExit) => {
    say(`${end.name} ended by itself: ${end.how}`);
    unexpectedExits.push(end);
  };
  const supervisor = { cleanup, onUnexpectedExit };
  const apiKey = `sk_us_${randomBytes(16).toString("hex")}`;
  const eventSecret = randomBytes(32);
  const logPath = join(logFolder, "simulator.log");
  const port = await findFreePort();
  const vital = startSimulatedVital({ script: build.simulator, port, apiKey, logPath, supervisor });
  closers.push({ stop: vital.close });

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
    supervisor,
  });
  closers.push({ stop: fleet.close });
  const mappings = await openStoredMappings(mongo.url);
  closers.push({ stop: mappings.close });
  await waitUntil("the simulator is up", vital.isUp, startTimeoutMs);
  await waitUntil("all processes are ready", fleet.isReady, startTimeoutMs);

  const retryAfterWindows: RetryAfterWindows = { isOpen: false, measured: [], missed: 0 };
  const secrets = [apiKey, eventSecret.toString("base64")];
  const readLogs = () =>
    readLogFiles(
      fleet.members.map((member) => member.process.logPath),
      secrets,
    );
  return {
    ...{ members: fleet.members, fleet, mongo, redis, vital, issuer, mappings, eventSecret },
    ...{ retryAfterWindows, unexpectedExits, stopProblems },
    onStopProblem: (description: string) => void stopProblems.push(description),
    /** What the processes have written so far. */
    readLogs,
  };
}

export type Testbed = Awaited<ReturnType<typeof startTestbed>>;
