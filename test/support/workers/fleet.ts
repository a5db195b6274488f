import { onTestFinished } from "vitest";
import { createApp, createProcessLog } from "../../../src/app.js";
import { readWorkerConfig } from "../../../src/config/config.js";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { createSignInTokens } from "../../../src/core/tokens/sign-in-tokens.js";
import type { SignupEventType } from "../../../src/core/mapping/signup-event.js";
import { createSignupEvents } from "../../../src/core/mapping/signup-events.js";
import { circuitBreakerRules, type CircuitBreakerRules } from "../../../src/core/vital/circuit-breaker.js";
import { createProcessors } from "../../../workers/processors.js";
import { startProvisioningWorker } from "../../../workers/provisioning-worker.js";
import { startSweepLoop } from "../../../workers/sweep-loop.js";
import { toReceivedEvent } from "../core/mapping-fixtures.js";
import { createClosers } from "../../../src/lifecycle/closers.js";
import type { Logger } from "../../../src/telemetry/logger.js";
import { waitUntil } from "../wait-until.js";
import { createTestDatabase, createTestRedis } from "../services.js";
import { apiKey, startTestSimulator } from "../simulator.js";

type Setup = {
  /** Starts a proxy before the simulator, and returns its URL. */
  startProxy?: (vitalUrl: string) => Promise<string>;
  mongodbUrl?: string;
  redisUrl?: string;
  concurrency?: number;
  breakerRules?: Partial<CircuitBreakerRules>;
  /** Receives the log lines of every process. Without it, they are not written. */
  log?: Logger;
};
type TimelineEntry = { at: number; operation: string | null; status: number | null };

export const issueDeadlineMs = 5_000;

export const toIds = (prefix: string, count: number): AppUserId[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}` as AppUserId);

/**
 * Several gateways and workers inside the test process. Each is a complete app with separate connections. All share one
 * database, one Redis and one simulator. Only workers run jobs and sweep; all can record events and issue tokens.
 */
export async function openFleet(setup: Setup = {}) {
  const vital = await startTestSimulator({ apiKey });
  onTestFinished(() => vital.close());
  const redisUrl = setup.redisUrl ?? (await createTestRedis());
  const config = readWorkerConfig({
    VITAL_API_KEY: apiKey,
    VITAL_API_URL: (await setup.startProxy?.(vital.url)) ?? vital.url,
    VITAL_TIMEOUT_MS: "2000",
    MONGODB_URL: setup.mongodbUrl ?? createTestDatabase(),
    REDIS_URL: redisUrl,
    WORKER_CONCURRENCY: String(setup.concurrency ?? 5),
    LOG_LEVEL: "silent",
  });

  async function start(kind: "gateway" | "worker") {
    const log = setup.log ?? createProcessLog(kind, config);
    const closers = createClosers({ log });
    onTestFinished(closers.close);
    const app = createApp(config, {
      name: kind,
      log,
      closers,
      mongo: { serverSelectionTimeoutMs: 2_500, socketTimeoutMs: 5_000 },
      breakerRules: { ...circuitBreakerRules, ...setup.breakerRules },
      isStopping: () => false,
      onFatal: () => undefined,
    });
    await app.readiness.whenFirstReady;
    if (kind === "worker") {
      const processors = createProcessors({ ...app, concurrency: config.workerConcurrency });
      const worker = startProvisioningWorker({
        ...app,
        redisUrl,
        processors,
        concurrency: config.workerConcurrency,
        jobsPerSecond: config.vitalRateLimit,
        shutDown: () => undefined,
        drainMs: 500,
      });
      closers.add("provisioning worker", worker.close);
      const sweepLoop = startSweepLoop({ ...app, processors });
      closers.add("sweep loop", () => sweepLoop.close(500));
    }
    const events = createSignupEvents({ ...app, wake: app.queue.wake });
    const record = (type: SignupEventType, appUserIds: readonly AppUserId[]) =>
      events.record(appUserIds.map((appUserId) => toReceivedEvent(appUserId, type, { at: new Date() })));
    return {
      ...app,
      tokens: createSignInTokens({ ...app, wake: app.queue.wake, deadlineMs: issueDeadlineMs }),
      signUp: (appUserIds: readonly AppUserId[]) => record("user.created", appUserIds),
      delete: (appUserIds: readonly AppUserId[]) => record("user.deleted", appUserIds),
      readMetric: async (name: string) =>
        Number(new RegExp(`^vital_gateway_${name} (.*)$`, "m").exec((await app.metrics.read()).body)?.[1]),
    };
  }

  type Process = Awaited<ReturnType<typeof start>>;
  return {
    vital,
    redisUrl,
    start,
    listCalls: async () => (await vital.read("timeline")).timeline as TimelineEntry[],
    whenActive: (process: Process, appUserIds: readonly AppUserId[], timeoutMs = 15_000) =>
      waitUntil(
        "all mappings are active",
        async () => {
          const mappings = await Promise.all(appUserIds.map(process.mappings.find));
          return mappings.every((mapping) => mapping?.state === "active");
        },
        timeoutMs,
      ),
  };
}
