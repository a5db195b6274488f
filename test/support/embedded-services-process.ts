/** Runs as a separate process: starts MongoDB and Redis, prints their process ids as one JSON line, and runs until it is killed. */
import { startEmbeddedServices } from "../../dev/embedded/services.js";

const { mongo, redis } = await startEmbeddedServices({ print: () => undefined, env: process.env });
process.stdout.write(`${JSON.stringify({ pids: [mongo?.pid, redis?.pid] })}\n`);
