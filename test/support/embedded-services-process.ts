/**
 * Run as a process of its own: starts MongoDB and Redis, prints what runs where as one JSON line, and stays until it
 * is killed.
 */
import { startEmbeddedServices } from "../../dev/embedded/services.js";

const { mongo, redis } = await startEmbeddedServices({ print: () => undefined, env: process.env });
process.stdout.write(`${JSON.stringify({ pids: [mongo?.pid, redis?.pid] })}\n`);
