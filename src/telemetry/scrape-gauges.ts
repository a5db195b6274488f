import { Gauge, type Registry } from "prom-client";
import type { Clock } from "../core/clock.js";
import type { Backlog, QueueBacklog } from "./backlog.js";
import { createReading, succeedsWithin } from "./reading.js";

/** Measured throughput of one job slot, jobs per second. */
const jobsPerSecondPerSlot = 10;
/** How fast the workers should clear a backlog, seconds. */
const clearBacklogSeconds = 60;

/** How long a scrape waits for what it reads. All is read at the same time, and a scrape must end within 2 seconds. */
const deadlineMs = 1_000;
/** How old a value may be when reading a new one takes longer than a scrape waits, milliseconds. */
const keepMs = 30_000;
/** A response of Vital to any call within this time shows that Vital is up, milliseconds. */
const recentResponseMs = 5_000;

/** What a scrape reads from other services. Each may reject, and each may take any time. */
export type ScrapeSources = {
  readBacklog: () => Promise<Backlog>;
  readQueues: () => Promise<QueueBacklog>;
  pingMongo: () => Promise<unknown>;
  pingRedis: () => Promise<unknown>;
  /** Calls Vital, and rejects when Vital does not respond or responds with a server error. */
  askVital: () => Promise<unknown>;
};

type ScrapeOptions = ScrapeSources & { workerConcurrency: number; now: Clock; backlogMaxAgeMs: number };

/** Returns how many worker processes would clear the backlog in a minute. */
function toWorkersWanted(
  { mappings }: Backlog,
  { isPaused, workerConcurrency }: { isPaused: boolean; workerConcurrency: number },
): number {
  const waiting = mappings.pending + mappings.deleting;
  if (waiting === 0 || isPaused) return 1;
  return Math.max(1, Math.ceil(waiting / (clearBacklogSeconds * jobsPerSecondPerSlot * workerConcurrency)));
}

function createGauges(registry: Registry, prefix: string) {
  const registers = [registry];
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name: prefix + name, help, labelNames, registers });
  return {
    mongodbUp: gauge("mongodb_up", "1 while MongoDB responds to this process."),
    redisUp: gauge("redis_up", "1 while Redis responds to this process."),
    vitalUp: gauge("vital_up", "1 while Vital responds to this process without a server error."),
    mappings: gauge("mappings", "Mappings by state.", ["state"]),
    oldestPending: gauge(
      "oldest_pending_seconds",
      "Age of the oldest pending mapping; alert on this metric.",
    ),
    oldestDeleting: gauge(
      "oldest_deleting_seconds",
      "Age of the oldest deletion that is not final; alert on this metric.",
    ),
    queueJobs: gauge("queue_jobs", "Jobs in Redis.", ["queue", "state"]),
    workersWanted: gauge(
      "backlog_workers_wanted",
      "Worker processes needed to clear the backlog in a minute.",
    ),
  };
}

type Gauges = ReturnType<typeof createGauges>;

/** Sets the gauge of one value, or removes it: a gauge that keeps its last value would be wrong and look right. */
const setOrRemove = (gauge: Gauge, value: number | null): void => {
  if (value === null) gauge.remove();
  else gauge.set(value);
};

function setBacklog(gauges: Gauges, backlog: Backlog | null, workersWanted: number | null): void {
  gauges.mappings.reset();
  for (const [state, count] of Object.entries(backlog?.mappings ?? {})) gauges.mappings.set({ state }, count);
  setOrRemove(gauges.oldestPending, backlog?.oldestPendingSeconds ?? null);
  setOrRemove(gauges.oldestDeleting, backlog?.oldestDeletingSeconds ?? null);
  setOrRemove(gauges.workersWanted, workersWanted);
}

function setQueues(gauges: Gauges, queues: QueueBacklog | null): void {
  gauges.queueJobs.reset();
  for (const [queue, counts] of Object.entries(queues?.queueJobs ?? {})) {
    for (const [state, count] of Object.entries(counts)) gauges.queueJobs.set({ queue, state }, count);
  }
}

/** The gauges that a scrape reads from MongoDB, Redis and Vital. What cannot be read is absent. */
export function createScrapeGauges(registry: Registry, prefix: string, options: ScrapeOptions) {
  const { now, workerConcurrency, pingMongo, pingRedis, askVital } = options;
  const gauges = createGauges(registry, prefix);
  const limits = { now, freshMs: options.backlogMaxAgeMs, deadlineMs, keepMs };
  const readBacklog = createReading({ ...limits, read: options.readBacklog });
  const readQueues = createReading({ ...limits, read: options.readQueues });
  let vitalRespondedAtMs = -Infinity;

  const isVitalUp = (): boolean | Promise<boolean> =>
    now().getTime() - vitalRespondedAtMs < recentResponseMs || succeedsWithin(askVital, deadlineMs);

  return {
    /** Records the status of a response, so that a scrape of a busy process needs no call of its own. 0 is none. */
    vitalResponded(status: number): void {
      if (status > 0 && status < 500) vitalRespondedAtMs = now().getTime();
    },

    /** Reads all values at the same time, and sets or removes every gauge. Never rejects. */
    async refresh(): Promise<void> {
      const [isMongoUp, isRedisUp, vitalUp, backlog, queues] = await Promise.all([
        succeedsWithin(pingMongo, deadlineMs),
        succeedsWithin(pingRedis, deadlineMs),
        isVitalUp(),
        readBacklog(),
        readQueues(),
      ]);
      gauges.mongodbUp.set(isMongoUp ? 1 : 0);
      gauges.redisUp.set(isRedisUp ? 1 : 0);
      gauges.vitalUp.set(vitalUp ? 1 : 0);
      const knownQueues = isRedisUp ? queues : null;
      const knownBacklog = isMongoUp ? backlog : null;
      setQueues(gauges, knownQueues);
      const isPaused = knownQueues?.isPaused ?? false;
      const wanted = knownBacklog && toWorkersWanted(knownBacklog, { isPaused, workerConcurrency });
      setBacklog(gauges, knownBacklog, wanted);
    },
  };
}
