import mongoose from "mongoose";
import { createBatcher, type Outcome } from "../core/batching.js";
import type { AppUserId } from "../core/mapping/app-user-id.js";
import type { FailedMapping, Mapping, MappingState } from "../core/mapping/mapping.js";
import type { DueMapping } from "../core/provisioning/sweeper.js";
import {
  toDocument,
  toMapping,
  mappingSchema,
  vitalUserIndexName,
  type MappingDocument,
} from "./mapping-document.js";
import type { MongoAccess } from "./connection.js";
import { toStorageError } from "./operations.js";

type Write = { insertOne: { document: MappingDocument } } | { replaceOne: ReplaceOne };
type ReplaceOne = {
  filter: { _id: string; revision: number };
  replacement: MappingDocument;
  upsert: true;
};

const duplicateKeyCode = 11000;
const maxItems = 500;

/** A failed write of a bulk, per index, as the driver reports it. */
type WriteFailure = { index: number; code: number; errmsg?: string | undefined };

/** The index that a duplicate key offends. Its name comes before the key, which may be any text a user chose. */
const toIndexName = (failure: WriteFailure): string | undefined =>
  / index: (\S+) /.exec(failure.errmsg ?? "")?.[1];

function toOutcome(failure: WriteFailure | undefined, error: unknown): Outcome<boolean> {
  if (failure === undefined) return { ok: true, value: true };
  const isRace = failure.code === duplicateKeyCode && toIndexName(failure) !== vitalUserIndexName;
  return isRace ? { ok: true, value: false } : { ok: false, error: toStorageError(error) };
}

/**
 * Tells the writers of one bulk apart: who wrote, who lost a race, whose outcome is an error.
 *
 * The driver (7.9) wraps whatever goes wrong in a bulk error, a connection refused too, and that one names no failed
 * write. A bulk is also sent as one command per kind of write, of which the later may go unanswered. So a write without
 * a failure counts as done only where the server has accounted for all of them.
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
 * The collection of mappings. Look-ups that wait at the same moment share one `find`, writes one unordered bulk.
 * A write is compare-and-set on `revision`: as an upsert, so that a lost race is a duplicate `_id` and each writer of
 * a bulk learns its own outcome (a bulk's counts would only tell how many lost).
 *
 * Every method throws `SERVICE_UNAVAILABLE` when MongoDB does not answer; then the outcome of a write is unknown.
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
      const byId = new Map(found.map((row) => [row._id, toMapping(row)]));
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

    /** Rows whose time has come, the longest overdue first. */
    listDue(at: Date, limit: number): Promise<readonly DueMapping[]> {
      return run(async () => {
        const found = await documents()
          .find({ nextSweepAt: { $lte: at } })
          .sort({ nextSweepAt: 1 })
          .limit(limit)
          .toArray();
        return found.map(toMapping).filter((row): row is DueMapping => "nextSweepAt" in row);
      });
    },

    /**
     * Reads the mappings that are failed and were already failed at `at`, in batches, each of them once. The cursor
     * scans the index of state and `requestedAt` up to `at`: a mapping that is put back to pending while it runs gets
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

    /** Mappings by state. Active ones are the rest of an estimated total: counting millions would take its time. */
    countByState(): Promise<Record<MappingState, number>> {
      return run(async () => {
        const count = (state: MappingState) => documents().countDocuments({ state });
        const [total, pending, failed, deleting, deleted] = await Promise.all([
          documents().estimatedDocumentCount(),
          count("pending"),
          count("failed"),
          count("deleting"),
          count("deleted"),
        ]);
        const active = Math.max(0, total - pending - failed - deleting - deleted);
        return { pending, active, failed, deleting, deleted };
      });
    },

    /** When the longest waiting pending mapping was asked for, or `null` when none waits. */
    findOldestPendingAt(): Promise<Date | null> {
      return run(async () => {
        const row = await documents().findOne({ state: "pending" }, { sort: { requestedAt: 1 } });
        return row?.requestedAt ?? null;
      });
    },

    /** Creates or updates the indexes. */
    createIndexes: () => run(() => model.createIndexes()),

    /** Names of the declared indexes that MongoDB does not have. */
    listMissingIndexes(): Promise<string[]> {
      return run(async () => {
        const declared = mappingSchema.indexes().map(([, options]) => options.name ?? "");
        const present = new Set((await listIndexes()).map(({ name }) => String(name)));
        return declared.filter((name) => !present.has(name));
      });
    },

    isEmpty: () => run(async () => (await documents().findOne({})) === null),
  };

  /** A collection that does not exist yet has no indexes. */
  async function listIndexes(): Promise<{ name?: unknown }[]> {
    try {
      return await documents().indexes();
    } catch (error) {
      const isMissing =
        error instanceof mongoose.mongo.MongoServerError && error.codeName === "NamespaceNotFound";
      if (isMissing) return [];
      throw error;
    }
  }
}

export type Mappings = ReturnType<typeof createMappings>;
