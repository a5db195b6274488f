import { startAppUserEventWorker } from "../workers/app-user-event-worker.js";
import { processors } from "../workers/processors.js";
import { startProvisioningWorker } from "../workers/provisioning-worker.js";
import { startSweeping } from "../workers/sweeping.js";
import { createApp } from "./app.js";
import type { WorkerConfig } from "./config/config.js";
import { createAdminServer } from "./http/servers.js";
import { endsWithin } from "./core/deadline.js";
import { stopTimes, type Lifecycle } from "./lifecycle/lifecycle.js";

/** How long the workers themselves may take to end beyond that, milliseconds. */
const drainMarginMs = 500;
/** A sweep that is given up costs nothing: what it claimed is due again by itself. */
const sweepDrainMs = 2_000;

/**
 * The BullMQ process: runs the jobs, takes events that came by the queue, and sweeps: comes back to what the queue
 * lost. Any number of them may run; none is a leader.
 */
export async function startWorker(config: WorkerConfig, lifecycle: Lifecycle) {
  const { drainMs, closeMs } = stopTimes;
  const app = createApp(config, {
    name: "worker",
    mongoPatienceMs: 10_000,
    mongoTimeoutMs: 10_000,
    isStopping: lifecycle.isStopping,
    onFatal: lifecycle.fail,
  });
  const { log, metrics, readiness } = app;
  const work = processors(app);
  const running: { close(): Promise<void> }[] = [];

  const admin = createAdminServer({ log, readiness: readiness.state, metrics: metrics.read });
  const adminUrl = await admin.listen({ port: config.admin.port, host: config.admin.host });
  log.info({ adminUrl, ...config.vital.deployment }, "worker started");

  void readiness.whenOpen.then(() => {
    if (lifecycle.isStopping()) return;
    running.push(startProvisioningWorker({ config, app, work, giveUp: lifecycle.fail, drainMs }));
    running.push(startAppUserEventWorker({ config, app, giveUp: lifecycle.fail, drainMs }));
    const sweeping = startSweeping({ app, work });
    running.push({ close: () => sweeping.close(sweepDrainMs) });
    log.info({ concurrency: config.workerConcurrency }, "taking jobs");
  });

  async function close(): Promise<void> {
    await endsWithin(Promise.all(running.map((part) => part.close())), drainMs + drainMarginMs);
    await endsWithin(Promise.all([admin.close(), app.close()]), closeMs);
  }
  return { adminUrl, log, close };
}
