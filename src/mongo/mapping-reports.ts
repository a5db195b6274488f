import type mongoose from "mongoose";
import type { MappingState } from "../core/mapping/mapping.js";
import type { MappingDocument } from "./mapping-document.js";
import type { RunOperation } from "./operations.js";

/** How many mappings in a state have this code in their last error. */
export type FailureCount = { state: MappingState; code: string; count: number };

/** What operators and scrapes want to know about all mappings. */
export function createMappingReports(
  documents: () => mongoose.mongo.Collection<MappingDocument>,
  run: RunOperation,
) {
  /** Only the index of state and `requestedAt` is read. */
  const findOldestAt = (state: MappingState): Promise<Date | null> =>
    run(async () => {
      const options = { sort: { requestedAt: 1 }, projection: { _id: 0, requestedAt: 1 } } as const;
      return (await documents().findOne({ state }, options))?.requestedAt ?? null;
    });

  return {
    /** Counts mappings by state. Active ones are the rest of an estimated total, because counting millions is slow. */
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

    /** Returns when the oldest pending mapping was requested, or `null` when none is pending. */
    findOldestPendingAt: () => findOldestAt("pending"),

    /** Returns when the oldest deletion that is not final was requested, or `null` when there is none. */
    findOldestDeletingAt: () => findOldestAt("deleting"),

    /**
     * Counts the mappings whose last attempt failed, by state and code. It reads every pending, deleting and failed
     * mapping: for an operator, not for a scrape.
     */
    countFailures(): Promise<readonly FailureCount[]> {
      return run(() =>
        documents()
          .aggregate<FailureCount>([
            {
              $match: {
                state: { $in: ["pending", "deleting", "failed"] },
                "lastError.code": { $exists: true },
              },
            },
            { $group: { _id: { state: "$state", code: "$lastError.code" }, count: { $sum: 1 } } },
            { $sort: { count: -1, "_id.code": 1 } },
            { $project: { _id: 0, state: "$_id.state", code: "$_id.code", count: 1 } },
          ])
          .toArray(),
      );
    },
  };
}
