import type { ServicesConfig } from "./config/config.js";
import { createDeprovisioning } from "./core/provisioning/deprovisioning.js";
import { ServiceError } from "./core/errors.js";
import { createMappingWriter } from "./core/mapping/mapping-writer.js";
import { createProvisioning, maxLookupAgeMs } from "./core/provisioning/provisioning.js";
import { createTeamGuard, WrongDeploymentError } from "./core/vital/team-guard.js";
import {
  createCircuitBreaker,
  circuitBreakerRules,
  type CircuitBreakerRules,
} from "./core/vital/circuit-breaker.js";
import { createMappings } from "./mongo/mappings.js";
import { createMongoConnection } from "./mongo/connection.js";
import { createTeamRecords } from "./mongo/team.js";
import { appUserEventsQueueName, createAppUserEventQueue } from "./queue/app-user-events.js";
import { createProvisioningQueue, provisioningQueueName } from "./queue/provisioning-queue.js";
import { createCommandConnection } from "./queue/redis-connection.js";
import { createThrottleChannel } from "./queue/throttle-channel.js";
import { startReadiness } from "./lifecycle/readiness.js";
import { createLogger, type Logger } from "./telemetry/logger.js";
import { createMetrics } from "./telemetry/metrics.js";
import { createVitalClient } from "./vital/vital-client.js";

/** How long a job leaves a row to the queue before a sweeper takes it up, milliseconds. */
const sweepGraceMs = 10_000;
/** For a create that commits at Vital after our time-out, milliseconds. */
const lateCommitMarginMs = 15_000;
/** A wait that grows by less is still the same one to the log, milliseconds. */
const newWaitMs = 500;

export type AppOptions = {
  /** How the process calls itself in its log. */
  name: "gateway" | "worker";
  /** How long an operation waits for MongoDB: an API's caller has less patience than a job. */
  mongoPatienceMs: number;
  /** How long an operation may take in a MongoDB that is there but does not answer. */
  mongoTimeoutMs: number;
  /** When Vital is left alone, and for how long; the product's own unless told. */
  breakerRules?: CircuitBreakerRules;
  isStopping: () => boolean;
  /** Called once when the process cannot go on; it has been logged. */
  onFatal: () => void;
};

/**
 * Puts the product together: reads nothing, decides nothing, opens what is needed and closes it in reverse. Whatever
 * is down at the start is waited for in the background.
 */
export function createApp(config: ServicesConfig, options: AppOptions) {
  const now = () => new Date();
  const random = Math.random;
  const closers: (() => Promise<void> | void)[] = [];
  const secrets = [config.vital.apiKey, config.mongodbUrl, config.redisUrl, config.admin.password ?? ""];
  const log = createLogger({ level: config.logLevel, process: options.name, secrets });

  const mongo = createMongoConnection({
    url: config.mongodbUrl,
    appName: `vital-gateway ${options.name}`,
    serverSelectionTimeoutMs: options.mongoPatienceMs,
    connectTimeoutMs: Math.min(options.mongoPatienceMs, 5_000),
    socketTimeoutMs: options.mongoTimeoutMs,
    maxPoolSize: 50,
  });
  closers.push(() => mongo.close());
  const mappings = createMappings(mongo);
  const teams = createTeamRecords(mongo);

  const redis = createCommandConnection(config.redisUrl);
  closers.push(() => {
    redis.disconnect();
  });
  const onRedisError = createRedisErrorLog(log);
  const queue = createProvisioningQueue({ redis, onError: onRedisError });
  closers.push(() => queue.close());
  const eventQueue = createAppUserEventQueue({ redis, onError: onRedisError });
  closers.push(() => eventQueue.close());

  const metrics = createMetrics({ readBacklog, workerConcurrency: config.workerConcurrency });
  const client = createVitalClient({ ...config.vital, onCall: metrics.vitalCalled });
  closers.push(() => client.close());

  const subscriber = createCommandConnection(config.redisUrl);
  closers.push(() => {
    subscriber.disconnect();
  });
  const throttle = createThrottleChannel({
    commands: redis,
    subscriber,
    onThrottled: (until) => {
      vital.blockUntil(until);
    },
  });
  const vital = createCircuitBreaker(client, {
    now,
    random,
    rules: options.breakerRules ?? circuitBreakerRules,
    onThrottled,
    onCredentials,
  });

  const team = createTeamGuard({
    deployment: config.vital.deployment,
    teams: { ...teams, hasActiveMapping: mappings.hasActive },
    vital,
    onWrongTeam(error) {
      metrics.wrongTeam();
      log.error({ reason: error.message }, "provisioning stopped: the API key belongs to another team");
    },
  });
  const rules = {
    deployment: config.vital.deployment,
    toClientUserId: (appUserId: string) => appUserId,
    sweepGraceMs,
    settleMs: maxLookupAgeMs + config.vital.timeoutMs + lateCommitMarginMs,
  };
  const writer = createMappingWriter({ mappings, rules, now });
  const onOutcome = metrics.provisioned;
  const provisioning = createProvisioning({ mappings, writer, vital, team, now, random, onOutcome });
  const deprovisioning = createDeprovisioning({ mappings, writer, vital, team, now, random });

  const readiness = startReadiness({
    whenConnected: mongo.whenConnected,
    assertDeployment: team.assertDeployment,
    prepareIndexes,
    ping: mongo.ping,
    isStopping: options.isStopping,
    onFatal(error) {
      if (!(error instanceof WrongDeploymentError)) return false;
      log.error({ reason: error.message }, "the process cannot go on");
      options.onFatal();
      return true;
    },
  });
  closers.push(() => {
    readiness.close();
  });

  function onThrottled(until: Date, addedMs: number): void {
    metrics.rateLimited(addedMs);
    if (addedMs >= newWaitMs) log.warn({ until }, "Vital asked to wait");
    throttle.announce(until);
    queue.pauseUntil(until).catch(onRedisError);
  }

  function onCredentials(refused: boolean): void {
    metrics.credentialsRefused(refused);
    if (refused)
      log.error({}, "Vital refuses VITAL_API_KEY; nothing is lost, provisioning goes on when it is taken");
    else log.info({}, "Vital takes VITAL_API_KEY again");
  }

  /** Indexes on a new collection cost nothing; on a large one they are an operator's decision. */
  async function prepareIndexes(): Promise<readonly string[]> {
    const missing = await mappings.listMissingIndexes();
    if (missing.length === 0 || !(await mappings.isEmpty())) return missing;
    await mappings.createIndexes();
    return mappings.listMissingIndexes();
  }

  const countJobs = async () => ({
    [provisioningQueueName]: await queue.countJobs(),
    [appUserEventsQueueName]: await eventQueue.countJobs(),
  });

  async function readBacklog() {
    const [counts, oldestPendingAt, queueJobs, pauseMs] = await Promise.all([
      mappings.countByState(),
      mappings.findOldestPendingAt(),
      countJobs().catch(() => null),
      queue.getPauseMs().catch(() => 0),
    ]);
    return {
      mappings: counts,
      oldestPendingSeconds: oldestPendingAt === null ? 0 : (Date.now() - oldestPendingAt.getTime()) / 1000,
      queueJobs,
      isPaused: pauseMs > 0,
    };
  }

  /** Lets a service be used only when the store has proved to be the right one. */
  function whenReady<A extends unknown[], R>(
    service: (...args: A) => Promise<R>,
  ): (...args: A) => Promise<R> {
    return (...args) => {
      if (readiness.isOpen()) return service(...args);
      const state = readiness.state();
      const reason = state.ready ? "starting" : state.reason;
      return Promise.reject(new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 2_000, reason }));
    };
  }

  return {
    log,
    metrics,
    redis,
    queue,
    eventQueue,
    mappings,
    writer,
    vital,
    team,
    provisioning,
    deprovisioning,
    readiness,
    now,
    random,
    whenReady,
    /** Closes everything in reverse; each closer has a bound of its own. */
    async close(): Promise<void> {
      for (const closer of closers.reverse()) await closer();
    },
  };
}

export type App = ReturnType<typeof createApp>;

/** While Redis is away every command fails: one line at the start of it says so, not thousands. */
function createRedisErrorLog(log: Logger): (error: unknown) => void {
  const quietMs = 30_000;
  let loggedAt = 0;
  return (error) => {
    if (Date.now() - loggedAt < quietMs) return;
    loggedAt = Date.now();
    const reason = error instanceof Error ? error.message : "unknown error";
    log.warn({ reason }, "Redis does not answer; the sweepers go on without it");
  };
}
