import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { Clock } from "../core/clock.js";
import { createScrapeGauges, type ScrapeSources } from "./scrape-gauges.js";

const prefix = "vital_gateway_";
/** Histogram buckets, seconds. */
const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const provisioningBuckets = [...durationBuckets, 30, 60, 300, 900, 3600];

const createRegistry = (): Registry => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix });
  return registry;
};

/** The metrics that are updated while the process works. */
function createInstruments(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: prefix + name, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: L[] = []) =>
    new Histogram({ name: prefix + name, help, labelNames, buckets, registers });
  const gauge = (name: string, help: string) => new Gauge({ name: prefix + name, help, registers });

  return {
    httpRequests: counter("http_requests_total", "HTTP requests.", ["route", "status"]),
    httpDuration: histogram("http_request_duration_seconds", "Duration of HTTP requests.", durationBuckets, [
      "route",
    ]),
    tokens: counter("tokens_issued_total", "Requests for a sign-in token, by outcome.", ["outcome"]),
    sharedUserIds: counter(
      "shared_user_ids_total",
      "App user ids whose access tokens had several values of another identity claim.",
      ["claim"],
    ),
    events: counter("events_received_total", "Signup events received.", ["source", "outcome"]),
    ignoredEvents: counter("events_ignored_total", "Events whose type is neither a signup nor a deletion.", [
      "type",
    ]),
    eventsAhead: counter("events_ahead_total", "Events with a time more than five minutes ahead.", [
      "source",
    ]),
    blockedDeletions: counter(
      "deletions_blocked_total",
      "Deletions not applied, because a signup of the user has a time in the future.",
    ),
    provisioning: counter("provisioning_total", "Attempts to provision a Vital user.", ["outcome"]),
    provisioningDuration: histogram(
      "provisioning_duration_seconds",
      "Time from a mapping becoming pending until it is active.",
      provisioningBuckets,
    ),
    vitalRequests: counter("vital_requests_total", "Calls to Vital; status 0 means no response.", [
      "operation",
      "status",
    ]),
    vitalDuration: histogram(
      "vital_request_duration_seconds",
      "Duration of calls to Vital.",
      durationBuckets,
      ["operation"],
    ),
    reenqueued: counter(
      "sweeper_reenqueued_total",
      "Mappings enqueued again because their job was lost or late.",
    ),
    rateLimited: counter("rate_limited_seconds_total", "Total length of the pauses that Vital asked for."),
    credentials: gauge("credentials_refused", "1 while Vital rejects VITAL_API_KEY."),
    wrongTeam: gauge("wrong_team", "1 while VITAL_API_KEY belongs to a different team than the mappings."),
    rebuilds: counter("worker_rebuilds_total", "Workers restarted because they stalled."),
  };
}

/**
 * The metrics of the process in Prometheus format. Labels have few values and never contain a user id. A scrape reads
 * the state of MongoDB, Redis and Vital, the backlog at most once per `backlogMaxAgeMs`. What cannot be read is absent.
 */
export function createMetrics({
  sources,
  workerConcurrency,
  now,
  backlogMaxAgeMs = 5_000,
}: {
  sources: ScrapeSources;
  workerConcurrency: number;
  now: Clock;
  backlogMaxAgeMs?: number;
}) {
  const registry = createRegistry();
  const instruments = createInstruments(registry);
  const scrape = createScrapeGauges(registry, prefix, {
    ...sources,
    workerConcurrency,
    now,
    backlogMaxAgeMs,
  });

  return {
    observeHttp: (route: string, status: number, durationSeconds: number): void => {
      instruments.httpRequests.inc({ route, status });
      instruments.httpDuration.observe({ route }, durationSeconds);
    },
    tokenRequested: (outcome: string) => {
      instruments.tokens.inc({ outcome });
    },
    sharedUserId: (claim: string) => {
      instruments.sharedUserIds.inc({ claim });
    },
    eventReceived: (source: string, outcome: string) => {
      instruments.events.inc({ source, outcome });
    },
    eventIgnored: (type: string) => {
      instruments.ignoredEvents.inc({ type });
    },
    eventAhead: (source: string) => {
      instruments.eventsAhead.inc({ source });
    },
    deletionBlocked: () => {
      instruments.blockedDeletions.inc();
    },
    provisioned: (outcome: string, durationMs: number): void => {
      instruments.provisioning.inc({ outcome });
      if (outcome === "active") instruments.provisioningDuration.observe(durationMs / 1000);
    },
    vitalCalled: (operation: string, status: number, durationMs: number): void => {
      instruments.vitalRequests.inc({ operation, status });
      instruments.vitalDuration.observe({ operation }, durationMs / 1000);
      scrape.vitalResponded(status);
    },
    reenqueued: (count: number) => {
      instruments.reenqueued.inc(count);
    },
    rateLimited: (durationMs: number) => {
      instruments.rateLimited.inc(durationMs / 1000);
    },
    credentialsRefused: (areRefused: boolean) => {
      instruments.credentials.set(areRefused ? 1 : 0);
    },
    wrongTeam: (isWrong: boolean) => {
      instruments.wrongTeam.set(isWrong ? 1 : 0);
    },
    workerRebuilt: () => {
      instruments.rebuilds.inc();
    },
    /** Returns the text for a Prometheus scrape within 2 seconds, whatever is down. */
    read: async (): Promise<{ contentType: string; body: string }> => {
      await scrape.refresh();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
