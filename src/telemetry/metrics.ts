import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { MappingState } from "../core/mapping/mapping.js";

const prefix = "vital_gateway_";
const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const minutes = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

/** What is read when somebody looks, not when it happens. */
export type Backlog = {
  mappings: Record<MappingState, number>;
  oldestPendingSeconds: number;
  /** Absent while Redis is away. */
  queueJobs: Record<string, Record<string, number>> | null;
  isPaused: boolean;
};

/**
 * The process's metrics in Prometheus form. Labels never carry a user id: they have few values.
 * `readBacklog` is asked at most once per `backlogMaxAgeMs`; while it fails the last answer stands.
 */
export function createMetrics({
  readBacklog,
  workerConcurrency,
  backlogMaxAgeMs = 5_000,
}: {
  readBacklog: () => Promise<Backlog>;
  workerConcurrency: number;
  backlogMaxAgeMs?: number;
}) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix });

  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: prefix + name, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: L[] = []) =>
    new Histogram({ name: prefix + name, help, labelNames, buckets, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name: prefix + name, help, labelNames, registers });

  const httpRequests = counter("http_requests_total", "HTTP requests answered.", ["route", "status"]);
  const httpDuration = histogram("http_request_duration_seconds", "Time to answer.", seconds, ["route"]);
  const tokens = counter("tokens_issued_total", "Sign-in tokens asked for.", ["outcome"]);
  const events = counter("events_received_total", "Signup events received.", ["source", "outcome"]);
  const provisioning = counter("provisioning_total", "Attempts to provision a Vital user.", ["outcome"]);
  const provisioningTime = histogram(
    "provisioning_duration_seconds",
    "From the moment a mapping became pending to its Vital user.",
    [...seconds, ...minutes.slice(4)],
  );
  const vitalRequests = counter("vital_requests_total", "Calls to Vital; status 0 is no answer.", [
    "operation",
    "status",
  ]);
  const vitalDuration = histogram("vital_request_duration_seconds", "Calls to Vital.", seconds, [
    "operation",
  ]);
  const reenqueued = counter("sweeper_reenqueued_total", "Mappings whose job was lost or late.");
  const rateLimited = counter("rate_limited_seconds_total", "Time for which Vital asked us to wait.");
  const credentials = gauge("credentials_refused", "1 while Vital refuses VITAL_API_KEY.");
  const wrongTeam = gauge("wrong_team", "1 when VITAL_API_KEY belongs to another team than the mappings.");
  const rebuilds = counter("worker_rebuilds_total", "Workers replaced because they took no jobs.");
  const mappings = gauge("mappings", "Mappings by state.", ["state"]);
  const oldestPending = gauge(
    "oldest_pending_seconds",
    "Age of the oldest pending mapping; alert on this one.",
  );
  const queueJobs = gauge("queue_jobs", "Jobs in Redis.", ["queue", "state"]);
  const workersWanted = gauge("backlog_workers_wanted", "Worker processes that the backlog calls for.");
  credentials.set(0);
  wrongTeam.set(0);

  let backlogReadAt = 0;

  /** What the backlog needs to be worked off in a minute, at the pace measured here of ten jobs a second a slot. */
  function toWorkersWanted({ mappings: counts, isPaused }: Backlog): number {
    const waiting = counts.pending + counts.deleting;
    if (waiting === 0 || isPaused) return 1;
    return Math.max(1, Math.ceil(waiting / (60 * 10 * workerConcurrency)));
  }

  async function refreshBacklog(): Promise<void> {
    if (Date.now() - backlogReadAt < backlogMaxAgeMs) return;
    backlogReadAt = Date.now();
    const backlog = await readBacklog();
    for (const [state, count] of Object.entries(backlog.mappings)) mappings.set({ state }, count);
    oldestPending.set(backlog.oldestPendingSeconds);
    for (const [queue, counts] of Object.entries(backlog.queueJobs ?? {})) {
      for (const [state, count] of Object.entries(counts)) queueJobs.set({ queue, state }, count);
    }
    workersWanted.set(toWorkersWanted(backlog));
  }

  return {
    observeHttp: (route: string, status: number, durationSeconds: number): void => {
      httpRequests.inc({ route, status });
      httpDuration.observe({ route }, durationSeconds);
    },
    tokenAsked: (outcome: string) => {
      tokens.inc({ outcome });
    },
    eventReceived: (source: string, outcome: string) => {
      events.inc({ source, outcome });
    },
    provisioned: (outcome: string, durationMs: number): void => {
      provisioning.inc({ outcome });
      if (outcome === "active") provisioningTime.observe(durationMs / 1000);
    },
    vitalCalled: (operation: string, status: number, durationMs: number): void => {
      vitalRequests.inc({ operation, status });
      vitalDuration.observe({ operation }, durationMs / 1000);
    },
    reenqueued: (count: number) => {
      reenqueued.inc(count);
    },
    rateLimited: (durationMs: number) => {
      rateLimited.inc(durationMs / 1000);
    },
    credentialsRefused: (refused: boolean) => {
      credentials.set(refused ? 1 : 0);
    },
    wrongTeam: () => {
      wrongTeam.set(1);
    },
    workerRebuilt: () => {
      rebuilds.inc();
    },
    /** The text for a Prometheus scrape; a backlog that cannot be read is shown as it last was. */
    read: async (): Promise<{ contentType: string; body: string }> => {
      await refreshBacklog().catch(() => undefined);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
