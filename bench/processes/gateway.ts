/** Runs as a separate process: the gateway as its entry point builds it, with the settings of the environment. */
import { readGatewayConfig } from "../../src/config/config.js";
import { startGateway } from "../../src/gateway.js";
import { createLifecycle } from "../../src/lifecycle/lifecycle.js";
import { serveControl } from "../harness/control.js";

const lifecycle = createLifecycle();
const gateway = await startGateway(readGatewayConfig(), lifecycle);
lifecycle.run(gateway);
serveControl(gateway.url);
