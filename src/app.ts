import type { ServicesConfig } from "./config/config.js";
import type { Clock, Random } from "./core/clock.js";
import { createMappingWriter } from "./core/mapping/mapping-writer.js";
import { createDeprovisioning } from "./core/provisioning/deprovisioning.js";
import { createProvisioning } from "./core/provisioning/provisioning.js";
import { createTransitionRules } from "./core/provisioning/transition-rules.js";
import {
  createCircuitBreaker,
  circuitBreakerRules,
  type CircuitBreakerRules,
} from "./core/vital/circuit-breaker.js";
import { assertResponding, createCredentialsProbe } from "./core/vital/credentials-probe.js";
import { createTeamGuard, WrongDeploymentError } from "./core/vital/team-guard.js";
import { createProxyFinder, describeRoute, listProxySecrets } from "./http-client/outbound-proxies.js";
import type { Closers } from "./lifecycle/closers.js";
import { startReadiness } from "./lifecycle/readiness.js";
import { createMongoConnection } from "./mongo/connection.js";
import { createMappings } from "./mongo/mappings.js";
import { listMongoSecrets } from "./mongo/mongo-url.js";
import { createTeamRecords } from "./mongo/team.js";
import { appUserEventsQueueName, createAppUserEventQueue } from "./queue/app-user-events.js";
import {
  createProvisioningQueue,
  provisioningQueueName,
  type ProvisioningQueue,
} from "./queue/provisioning-queue.js";
import { createCommandConnection } from "./queue/redis-connection.js";
import { listRedisSecrets } from "./queue/redis-url.js";
import { createThrottleChannel } from "./queue/throttle-channel.js";
import { createBacklogReader, createQueueBacklogReader } from "./telemetry/backlog.js";
import { createFailureWarnings } from "./telemetry/failure-warnings.js";
import { createLogger, toReason, type Logger } from "./telemetry/logger.js";
import { createMetrics, type Metrics } from "./telemetry/metrics.js";
import { createThrottledWarning } from "./telemetry/throttled-warning.js";
import { createVitalClient } from "./vital/vital-client.js";

/** An extension of a pause by less than this is not logged, milliseconds. */
const minLoggedPauseMs = 500;

export type ProcessName = "gateway" | "worker";

export type AppOptions = {
  name: ProcessName;
  log: Logger;
  closers: Closers;
  mongo: {
    /** How long an operation waits for a primary, milliseconds. An API request can wait less than a job. */
    serverSelectionTimeoutMs: number;
    /** How long an operation waits while MongoDB is connected but not responding, milliseconds. */
    socketTimeoutMs: number;
  };
  /** When the circuit breaker blocks calls to Vital, and for how long. */
  breakerRules?: CircuitBreakerRules;
  isStopping: () => boolean;
  /** Called once when the process must end; the reason has been logged. */
  onFatal: () => void;
};

/** Creates the logger of a process. It masks the secrets of the configuration in every line. */
export function createProcessLog(name: ProcessName, config: ServicesConfig): Logger {
  const secrets = [
    config.vital.apiKey,
    ...listMongoSecrets(config.mongodbUrl),
    ...listRedisSecrets(config.redisUrl),
    config.admin.password ?? "",
    ...listProxySecrets(config.proxies),
  ];
  return createLogger({ level: config.logLevel, process: name, secrets });
}

/**
 * The composition root: creates the services that gateway and worker share, and registers a closer for everything it
 * opens. Dependencies that are not available yet are connected in the background.
 */
export function createApp(config: ServicesConfig, options: AppOptions) {
  const { log, closers } = options;
  const now: Clock = () => new Date();
  const random: Random = Math.random;

  const { mongo, mappings, teams } = openStore(config, options, now);
  const { redis, queue, eventQueue, onRedisError } = openQueues(config, { log, closers, now });
  const metrics = createMetrics({
    sources: {
      readBacklog: createBacklogReader({ mappings, now }),
      readQueues: createQueueBacklogReader({
        queues: { [provisioningQueueName]: queue, [appUserEventsQueueName]: eventQueue },
        getPauseMs: () => queue.getPauseMs(),
      }),
      pingMongo: mongo.ping,
      pingRedis: () => redis.ping(),
      // A process with nothing to do compares the teams here. A mismatch is reported by the guard.
      askVital: () => assertResponding(vital, (user) => void team.observe(user).catch(() => undefined)),
    },
    workerConcurrency: config.workerConcurrency,
    now,
  });
  const vital = openVital(config, { ...options, now, random, metrics, redis, queue, onRedisError });

  const team = createTeamGuard({
    deployment: config.vital.deployment,
    teams: { ...teams, hasActiveMapping: mappings.hasActive },
    vital,
    now,
    onWrongTeam(error) {
      metrics.wrongTeam(true);
      log.error({ reason: error.message }, "provisioning stopped: VITAL_API_KEY belongs to a different team");
    },
    onRightTeam() {
      metrics.wrongTeam(false);
      log.info({}, "provisioning continues: VITAL_API_KEY belongs to the team of the mappings");
    },
  });
  const rules = createTransitionRules({
    deployment: config.vital.deployment,
    vitalTimeoutMs: config.vital.timeoutMs,
  });
  const writer = createMappingWriter({ mappings, rules, now });
  const onOutcome = metrics.provisioned;
  const onFailure = createFailureWarnings({ log, now });
  const core = { mappings, writer, vital, team, now, random, onFailure };
  const provisioning = createProvisioning({ ...core, onOutcome });
  const deprovisioning = createDeprovisioning(core);

  const readiness = startReadiness({
    whenConnected: mongo.whenConnected,
    assertDeployment: team.assertDeployment,
    prepareIndexes: mappings.indexes.prepare,
    ping: mongo.ping,
    lastMongoFailure: mongo.lastFailure,
    isStopping: options.isStopping,
    isFatal: (error) => error instanceof WrongDeploymentError,
    onFatal(error) {
      const fix = "set VITAL_API_KEY to a key of that deployment, or MONGODB_URL to another database";
      log.error({ reason: toReason(error), fix }, "fatal: shutting down");
      options.onFatal();
    },
  });
  closers.add("readiness checks", readiness.close);

  return {
    log,
    metrics,
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
  };
}

export type App = ReturnType<typeof createApp>;

function openStore(config: ServicesConfig, { name, mongo: timeouts, closers, log }: AppOptions, now: Clock) {
  const warn = createThrottledWarning({ log, phrase: "MongoDB is not available", now });
  const mongo = createMongoConnection({
    url: config.mongodbUrl,
    appName: `vital-gateway ${name}`,
    ...timeouts,
    connectTimeoutMs: Math.min(timeouts.serverSelectionTimeoutMs, 5_000),
    maxPoolSize: 50,
    onFailure({ reason, fix }) {
      warn(new Error(reason), { fix });
    },
  });
  closers.add("MongoDB", mongo.close);
  return { mongo, mappings: createMappings(mongo), teams: createTeamRecords(mongo) };
}

function openQueues(
  config: ServicesConfig,
  { log, closers, now }: { log: Logger; closers: Closers; now: Clock },
) {
  const phrase = "Redis does not accept commands; the sweepers continue without it";
  const onRedisError = createThrottledWarning({ log, phrase, now });
  const redis = createCommandConnection(config.redisUrl);
  closers.add("Redis", () => {
    redis.disconnect();
  });
  const queue = createProvisioningQueue({ redis, onError: onRedisError });
  closers.add("provisioning queue", queue.close);
  const eventQueue = createAppUserEventQueue({ redis, onError: onRedisError });
  closers.add("app user event queue", eventQueue.close);
  return { redis, queue, eventQueue, onRedisError };
}

/** Creates the Vital client behind a circuit breaker. All processes share the pauses that Vital asks for. */
function openVital(
  config: ServicesConfig,
  context: Pick<AppOptions, "log" | "closers" | "breakerRules"> & {
    now: Clock;
    random: Random;
    metrics: Metrics;
    redis: ReturnType<typeof createCommandConnection>;
    queue: ProvisioningQueue;
    onRedisError: (error: unknown) => void;
  },
) {
  const { log, closers, now, random, metrics, redis, queue } = context;
  const client = createVitalClient({
    ...config.vital,
    findProxy: createProxyFinder(config.proxies),
    onCall: metrics.vitalCalled,
    onUnknownPath: createThrottledWarning({
      log,
      phrase: "Vital has no such path; check VITAL_API_URL",
      now,
    }),
  });
  closers.add("Vital client", client.close);
  const route = describeRoute(config.proxies, config.vital.apiUrl);
  if (route !== "") log.info({ route }, "calls to Vital use a proxy setting");
  const subscriber = createCommandConnection(config.redisUrl);
  closers.add("Redis subscriber", () => {
    subscriber.disconnect();
  });
  const throttle = createThrottleChannel({
    commands: redis,
    subscriber,
    onThrottled: (until) => {
      vital.blockUntil(until);
    },
  });

  function onThrottled(until: Date, addedMs: number): void {
    metrics.rateLimited(addedMs);
    if (addedMs >= minLoggedPauseMs)
      log.warn({ until }, "Vital asked for a pause; calls are blocked until then");
    throttle.announce(until);
    queue.pauseUntil(until).catch(context.onRedisError);
  }

  const credentials = createCredentialsProbe({
    vital: { findAnyUser: () => vital.findAnyUser() },
    onChange(areRefused) {
      metrics.credentialsRefused(areRefused);
      if (areRefused) log.error({}, "Vital rejects VITAL_API_KEY; provisioning resumes when it is accepted");
      else log.info({}, "Vital accepts VITAL_API_KEY again");
    },
  });
  closers.add("credentials probe", credentials.close);

  const vital = createCircuitBreaker(client, {
    now,
    random,
    rules: context.breakerRules ?? circuitBreakerRules,
    onThrottled,
    onCredentials: credentials.report,
    onFailing: createThrottledWarning({
      log,
      phrase: "Vital is failing; calls are blocked for a moment",
      now,
    }),
  });
  return vital;
}
