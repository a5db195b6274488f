/** Runs as a separate process: a worker as its entry point builds it, with the settings of the environment. */
import { readWorkerConfig } from "../../src/config/config.js";
import { createLifecycle } from "../../src/lifecycle/lifecycle.js";
import { startWorker } from "../../src/worker.js";
import { serveControl } from "../harness/control.js";

const lifecycle = createLifecycle();
const worker = await startWorker(readWorkerConfig(), lifecycle);
lifecycle.run(worker);
serveControl(worker.adminUrl);
