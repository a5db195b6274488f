import { startAppUserEventWorker } from "../workers/app-user-event-worker.js";
import { processors } from "../workers/processors.js";
import { startProvisioningWorker } from "../workers/provisioning-worker.js";
import { startSweeping } from "../workers/sweeping.js";
import { createApp, createProcessLog, type App } from "./app.js";
import type { WorkerConfig } from "./config/config.js";
import { createAdminServer } from "./http/servers.js";
import { createClosers } from "./lifecycle/closers.js";
import { stopTimes, type Lifecycle } from "./lifecycle/lifecycle.js";

/** Extra time for the workers to end after their jobs were cut off, milliseconds. */
const drainMarginMs = 500;
/** A sweep that is cut off costs nothing: the mappings that it has claimed become due again by themselves. */
const sweepDrainMs = 2_000;

/** Starts everything that takes jobs. Returns a closer that drains all parts at the same time. */
function startJobs(config: WorkerConfig, app: App, lifecycle: Lifecycle) {
  const { drainMs } = stopTimes;
  const work = processors(app);
  const shared = { config, app, giveUp: lifecycle.fail, drainMs };
  const provisioning = startProvisioningWorker({ ...shared, work });
  const events = startAppUserEventWorker(shared);
  const sweeping = startSweeping({ app, work });
  app.log.info({ concurrency: config.workerConcurrency }, "taking jobs");
  return () => Promise.all([provisioning.close(), events.close(), sweeping.close(sweepDrainMs)]);
}

/**
 * The BullMQ process: runs the jobs, records events that arrive through the queue, and sweeps, to find the mappings
 * whose job was lost. Any number of workers may run; none is a leader.
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

    const admin = createAdminServer({ log, readiness: readiness.state, metrics: metrics.read });
    closers.add("admin server", () => admin.close());
    const adminUrl = await admin.listen({ port: config.admin.port, host: config.admin.host });
    log.info({ adminUrl, ...config.vital.deployment }, "worker started");

    void readiness.whenOpen.then(() => {
      if (lifecycle.isStopping()) return;
      const closeJobs = startJobs(config, app, lifecycle);
      closers.add("jobs", closeJobs, { timeoutMs: stopTimes.drainMs + drainMarginMs });
    });
    return { adminUrl, log, close: closers.close };
  });
}
