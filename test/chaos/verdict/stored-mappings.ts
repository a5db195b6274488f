import mongoose from "mongoose";
import { setTimeout as delay } from "node:timers/promises";
import { mappingCollection } from "../../../src/mongo/mapping-document.js";
import type { StoredMapping } from "./invariants.js";

/** Reads the collection of mappings directly, without the product. */
export async function openStoredMappings(url: string) {
  const client = await new mongoose.mongo.MongoClient(url).connect();
  const mappings = client.db().collection<StoredMapping & { activatedAt?: Date }>(mappingCollection);
  const countUnfinished = () => mappings.countDocuments({ state: { $in: ["pending", "deleting"] } });

  return {
    list: () => mappings.find().toArray(),

    /** Waits until no mapping is pending or deleting. Returns whether that happened in time. */
    async waitUntilSettled(timeoutMs: number): Promise<boolean> {
      const deadlineMs = performance.now() + timeoutMs;
      while ((await countUnfinished()) > 0) {
        if (performance.now() > deadlineMs) return false;
        await delay(200);
      }
      return true;
    },

    close: () => client.close(),
  };
}
