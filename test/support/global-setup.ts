import { randomBytes } from "node:crypto";
import type {} from "vitest";
import type { TestProject } from "vitest/node";
import { startEmbeddedServices } from "../../dev/embedded/services.js";
import { dropDatabases } from "./drop-databases.js";
import { createDelayedPrinter } from "./delayed-printer.js";

declare module "vitest" {
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- vitest's interface is extended by declaration merging
  export interface ProvidedContext {
    mongodbUrl: string;
    redisUrl: string;
    /** The prefix of every database name in this run. */
    databasePrefix: string;
  }
}

/** Starts one MongoDB and one Redis for the whole run. Vitest calls it before the first test, and calls the returned function at the end. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { print, flush, discard } = createDelayedPrinter((line) => void process.stderr.write(`${line}\n`));
  const services = await startEmbeddedServices({ print, env: process.env }).catch((error: unknown) => {
    flush();
    throw error;
  });
  discard();
  const databasePrefix = `test_${randomBytes(4).toString("hex")}_`;
  provide("mongodbUrl", services.mongodbUrl);
  provide("redisUrl", services.redisUrl);
  provide("databasePrefix", databasePrefix);
  return async () => {
    // An embedded server is removed with all its data.
    if (services.mongo === null) await dropDatabases(services.mongodbUrl, databasePrefix);
    await services.stop();
  };
}
