import mongoose from "mongoose";
import { setTimeout as delay } from "node:timers/promises";
import { mappingCollection } from "../../../src/mongo/mapping-document.js";
import type { StoredMapping } from "./invariants.js";

/** Reads the collection of mappings as it stands, past the product. */
export async function openStoredMappings(url: string) {
  const client = await new mongoose.mongo.MongoClient(url).connect();
  const mappings = client.db().collection<StoredMapping & { activatedAt?: Date }>(mappingCollection);
  const countUnfinished = () => mappings.countDocuments({ state: { $in: ["pending", "deleting"] } });

  return {
    list: () => mappings.find().toArray(),

    /** Waits until nothing is pending or being deleted; gives whether it came to that. */
    async waitUntilSettled(patienceMs: number): Promise<boolean> {
      const deadlineMs = performance.now() + patienceMs;
      while ((await countUnfinished()) > 0) {
        if (performance.now() > deadlineMs) return false;
        await delay(200);
      }
      return true;
    },

    close: () => client.close(),
  };
}

export type StoredMappings = Awaited<ReturnType<typeof openStoredMappings>>;
