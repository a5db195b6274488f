import { startAppUserEventWorker } from "../workers/app-user-event-worker.js";
import { createProcessors } from "../workers/processors.js";
import { startProvisioningWorker } from "../workers/provisioning-worker.js";
import { startSweepLoop } from "../workers/sweep-loop.js";
import { createApp, createProcessLog, type App } from "./app.js";
import type { WorkerConfig } from "./config/config.js";
import { createSignupEvents } from "./core/mapping/signup-events.js";
import { createAdminServer } from "./http/servers.js";
import { createClosers } from "./lifecycle/closers.js";
import { stopTimes, type Lifecycle } from "./lifecycle/lifecycle.js";
import { createEventClocks } from "./telemetry/event-clocks.js";

/** Extra time for the workers to close after their jobs were cut off, milliseconds. */
const drainMarginMs = 500;
/** A sweep may be cut off sooner than a job: the mappings that it has claimed become due again. */
const sweepDrainMs = 2_000;

/** Starts the queue workers and the sweep loop. Returns a closer that drains them in parallel. */
function startJobs(config: WorkerConfig, app: App, lifecycle: Lifecycle) {
  const { drainMs } = stopTimes;
  const { redisUrl, workerConcurrency, vitalRateLimit } = config;
  const { log, metrics, queue, eventQueue, now, random } = app;
  const context = { redisUrl, log, metrics, random, shutDown: lifecycle.fail, drainMs };
  const processors = createProcessors({ ...app, concurrency: workerConcurrency });
  const provisioningWorker = startProvisioningWorker({
    ...context,
    queue,
    processors,
    concurrency: workerConcurrency,
    jobsPerSecond: vitalRateLimit,
  });
  const eventClocks = createEventClocks(app);
  const events = createSignupEvents({
    writer: app.writer,
    wake: queue.wake,
    now,
    onBlockedDeletion: eventClocks.deletionBlocked,
  });
  const eventWorker = startAppUserEventWorker({ ...context, events, eventClocks, eventQueue });
  // Jobs that no worker takes are not worth enqueuing: the sweeper runs them itself.
  const isReachable = () => queue.isReachable() && !provisioningWorker.isRefused();
  const sweepLoop = startSweepLoop({ ...app, queue: { ...queue, isReachable }, processors });
  log.info({ concurrency: workerConcurrency }, "processing jobs");
  return () => Promise.all([provisioningWorker.close(), eventWorker.close(), sweepLoop.close(sweepDrainMs)]);
}

/**
 * The BullMQ process: runs provisioning jobs, records the events that arrive through the queue, and sweeps for mappings
 * whose jobs were lost. Any number of workers may run; there is no leader.
 */
export async function startWorker(config: WorkerConfig, lifecycle: Lifecycle) {
  const log = createProcessLog("worker", config);
  const closers = createClosers({ log });

  return closers.closeOnFailure(async () => {
    const app = createApp(config, {
      name: "worker",
      log,
      closers,
      mongo: { serverSelectionTimeoutMs: 10_000, socketTimeoutMs: 10_000 },
      isStopping: lifecycle.isStopping,
      onFatal: lifecycle.fail,
    });
    const { metrics, readiness } = app;

    for (const note of config.notes) log.warn({}, note);
    const admin = createAdminServer({ log, readiness: readiness.detailedState, metrics: metrics.read });
    closers.add("admin server", () => admin.close());
    const adminUrl = await admin.listen({ port: config.admin.port, host: config.admin.host });
    log.info({ adminUrl, ...config.vital.deployment }, "worker started");

    void readiness.whenFirstReady.then(() => {
      if (lifecycle.isStopping()) return;
      const closeJobs = startJobs(config, app, lifecycle);
      closers.add("jobs", closeJobs, { timeoutMs: stopTimes.drainMs + drainMarginMs });
    });
    return { adminUrl, log, close: closers.close };
  });
}
