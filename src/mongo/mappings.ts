import mongoose from "mongoose";
import { createBatcher, type Outcome } from "../core/batching.js";
import type { AppUserId } from "../core/mapping/app-user-id.js";
import type { FailedMapping, Mapping } from "../core/mapping/mapping.js";
import type { DueMapping } from "../core/provisioning/sweeper.js";
import type { MongoAccess } from "./connection.js";
import {
  mappingSchema,
  toDocument,
  toMapping,
  vitalUserIndexName,
  type MappingDocument,
} from "./mapping-document.js";
import { createMappingIndexes } from "./mapping-indexes.js";
import { createMappingReports } from "./mapping-reports.js";
import { toStorageError } from "./operations.js";

type Write = { insertOne: { document: MappingDocument } } | { replaceOne: ReplaceOne };
type ReplaceOne = {
  filter: { _id: string; revision: number };
  replacement: MappingDocument;
  upsert: true;
};

const duplicateKeyCode = 11000;
const maxItems = 500;

/** A failed write of a bulk write, as the driver reports it. */
type WriteFailure = { index: number; code: number; errmsg?: string | undefined };

/** The unique index that a write violates. Its name precedes the key, which may be any text a user chose. */
const toIndexName = (failure: WriteFailure): string | undefined =>
  / index: (\S+) /.exec(failure.errmsg ?? "")?.[1];

function toOutcome(failure: WriteFailure | undefined, error: unknown): Outcome<boolean> {
  if (failure === undefined) return { ok: true, value: true };
  const isRace = failure.code === duplicateKeyCode && toIndexName(failure) !== vitalUserIndexName;
  return isRace ? { ok: true, value: false } : { ok: false, error: toStorageError(error) };
}

/**
 * Returns the outcome of each write of a bulk write: written, lost a race, or an error.
 *
 * The driver (7.9) wraps every failure in a bulk error, even a refused connection, and that error then names no failed
 * write. A bulk write is also sent as one command per kind of write, and a later command may get no response. So a
 * write without a failure counts as done only when the server has accounted for all writes.
 */
function toOutcomes(count: number, error: unknown): readonly Outcome<boolean>[] {
  if (!(error instanceof mongoose.mongo.MongoBulkWriteError)) throw error;
  const failures = new Map([error.writeErrors].flat().map((failure) => [failure.index, failure]));
  const { insertedCount, matchedCount, upsertedCount } = error.result;
  const accountedFor = insertedCount + matchedCount + upsertedCount + failures.size;
  const isWholeError = accountedFor !== count || error.result.getWriteConcernError() !== undefined;
  if (isWholeError) throw error;
  return Array.from({ length: count }, (_, index) => toOutcome(failures.get(index), error));
}

/** Failed since before `at`. Documents of older versions may have no `lastError`. */
export const toFailedFilter = (at: Date, code?: string): mongoose.mongo.Filter<MappingDocument> => ({
  state: "failed",
  requestedAt: { $lt: at },
  "lastError.at": { $not: { $gt: at } },
  ...(code !== undefined && { "lastError.code": code }),
});

/**
 * The collection of mappings. Concurrent lookups share one `find`, and concurrent writes one unordered bulk write. A
 * write is compare-and-set on `revision`. It is an upsert, so that a lost race is a duplicate `_id` and each writer
 * learns its own outcome (the counts of a bulk write only say how many lost).
 *
 * Every method throws `SERVICE_UNAVAILABLE` when MongoDB is not responding. The outcome of a write is then unknown.
 */
export function createMappings({ connection, run }: MongoAccess) {
  const model = connection.model("VitalUserMapping", mappingSchema);
  const { collection } = model;
  const documents = () => collection as unknown as mongoose.mongo.Collection<MappingDocument>;

  const findOne = createBatcher<AppUserId, Mapping | null>({
    maxItems,
    async run(ids) {
      const found = await run(() =>
        documents()
          .find({ _id: { $in: [...ids] } })
          .toArray(),
      );
      const byId = new Map(found.map((document) => [document._id, toMapping(document)]));
      return ids.map((id) => ({ ok: true, value: byId.get(id) ?? null }));
    },
  });

  const writeOne = createBatcher<Write, boolean>({
    maxItems,
    run: (writes) =>
      run(async () => {
        try {
          await documents().bulkWrite([...writes], { ordered: false });
          return writes.map(() => ({ ok: true, value: true }));
        } catch (error) {
          return toOutcomes(writes.length, error);
        }
      }),
  });

  return {
    find: findOne,

    insert: (mapping: Mapping) => writeOne({ insertOne: { document: toDocument(mapping) } }),

    replace(seen: Mapping, next: Mapping): Promise<boolean> {
      const filter = { _id: seen.appUserId, revision: seen.revision };
      return writeOne({ replaceOne: { filter, replacement: toDocument(next), upsert: true } });
    },

    /** Returns the mappings that are due, the longest overdue first. */
    listDue(at: Date, limit: number): Promise<readonly DueMapping[]> {
      return run(async () => {
        const found = await documents()
          .find({ nextSweepAt: { $lte: at } })
          .sort({ nextSweepAt: 1 })
          .limit(limit)
          .toArray();
        return found.map(toMapping).filter((mapping): mapping is DueMapping => "nextSweepAt" in mapping);
      });
    },

    /**
     * Reads the mappings that are failed and were already failed at `at`, in batches, each of them once. The cursor
     * scans the index of state and `requestedAt` up to `at`: a mapping that is set back to pending while it runs gets
     * a later `requestedAt`, and is not read a second time when it fails again.
     *
     * @param code only mappings that failed with this code
     */
    async *streamFailed(at: Date, code?: string): AsyncGenerator<FailedMapping[]> {
      const cursor = documents().find(toFailedFilter(at, code)).batchSize(maxItems);
      try {
        while (await run(() => cursor.hasNext())) {
          yield cursor
            .readBufferedDocuments()
            .map(toMapping)
            .filter((mapping) => mapping.state === "failed");
        }
      } finally {
        await cursor.close();
      }
    },

    hasActive: () => run(async () => (await documents().findOne({ state: "active" })) !== null),

    ...createMappingReports(documents, run),

    indexes: createMappingIndexes(model, run),
  };
}

export type Mappings = ReturnType<typeof createMappings>;
