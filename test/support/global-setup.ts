import { randomBytes } from "node:crypto";
import type {} from "vitest";
import type { TestProject } from "vitest/node";
import { startEmbeddedServices } from "../../dev/embedded/services.js";
import { dropDatabases } from "./drop-databases.js";
import { createDelayedPrinter } from "./delayed-printer.js";

declare module "vitest" {
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- vitest's interface is widened by merging
  export interface ProvidedContext {
    mongodbUrl: string;
    redisUrl: string;
    /** Begins the name of every database of this run. */
    databasePrefix: string;
  }
}

/** One MongoDB and one Redis for the whole run. Vitest calls it before the first test, and in the end what it gives. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { say, flush, settle } = createDelayedPrinter((line) => void process.stderr.write(`${line}\n`));
  const services = await startEmbeddedServices({ print: say, env: process.env }).catch((error: unknown) => {
    flush();
    throw error;
  });
  settle();
  const databasePrefix = `test_${randomBytes(4).toString("hex")}_`;
  provide("mongodbUrl", services.mongodbUrl);
  provide("redisUrl", services.redisUrl);
  provide("databasePrefix", databasePrefix);
  return async () => {
    // A server of our own goes with all its data.
    if (services.mongo === null) await dropDatabases(services.mongodbUrl, databasePrefix);
    await services.stop();
  };
}
