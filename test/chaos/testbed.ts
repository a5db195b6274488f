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

/** On a busy machine, processes take long to load their code. */
export const startTimeoutMs = 120_000;

/** Called in reverse order at the end of a run. */
export type Closers = (() => unknown)[];

async function startServices(closers: Closers, print: Print) {
  const mongo = await startEmbeddedMongo({ print, env: process.env });
  closers.push(() => mongo.stop());
  const redis = await startEmbeddedRedis({ print, env: process.env });
  closers.push(() => redis.stop());
  const issuer = await startIssuer();
  closers.push(issuer.close);
  return { mongo, redis, issuer };
}

export type TestbedOptions = Pick<ChaosOptions, "gateways" | "workers"> & {
  logFolder: string;
  cleanup: CleanupProcess;
  /** The product's timeout for one call to Vital. */
  vitalTimeoutMs: number;
  print: Print;
};

/** Builds the product, starts everything that a run needs, and waits until every process is ready. */
export async function startTestbed(options: TestbedOptions, closers: Closers) {
  const { logFolder, cleanup, vitalTimeoutMs, print } = options;
  const build = await buildProduct(cleanup.addFolder);
  closers.push(build.remove);
  const { mongo, redis, issuer } = await startServices(closers, print);
  const unexpectedExits: UnexpectedExit[] = [];
  const stopProblems: string[] = [];
  const onUnexpectedExit = (exit: UnexpectedExit) => {
    print(`${exit.name} exited unexpectedly: ${exit.how}`);
    unexpectedExits.push(exit);
  };
  const supervisor = { cleanup, onUnexpectedExit };
  const apiKey = `sk_us_${randomBytes(16).toString("hex")}`;
  const eventSecret = randomBytes(32);
  const logPath = join(logFolder, "simulator.log");
  const port = await findFreePort();
  const vital = startSimulatedVital({ script: build.simulator, port, apiKey, logPath, supervisor });
  closers.push(vital.close);

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
  closers.push(fleet.close);
  const mappings = await openStoredMappings(mongo.url);
  closers.push(mappings.close);
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
    members: fleet.members,
    fleet,
    mongo,
    redis,
    vital,
    issuer,
    mappings,
    eventSecret,
    retryAfterWindows,
    unexpectedExits,
    stopProblems,
    onStopProblem: (description: string) => void stopProblems.push(description),
    /** Reads what the processes have logged so far. */
    readLogs,
  };
}

export type Testbed = Awaited<ReturnType<typeof startTestbed>>;
