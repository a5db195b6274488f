import { Schema } from "mongoose";
import type { AppUserId, VitalUserId } from "../core/mapping/app-user-id.js";
import type { EventStamp, Mapping, MappingError, MappingState } from "../core/mapping/mapping.js";
import type { Deployment } from "../core/vital/deployment.js";

/** A document of `vital_user_mappings`. Fields that a state does not have are absent. */
export type MappingDocument = Deployment & {
  /** The app user id. */
  _id: string;
  state: MappingState;
  clientUserId: string;
  /** Active: the Vital user. Deleting: the first of those to be deleted. */
  vitalUserId?: string;
  /** Deleting: further Vital users to be deleted. */
  otherVitalUserIds?: string[];
  generation: number;
  revision: number;
  requestedAt: Date;
  activatedAt?: Date;
  deletingAt?: Date;
  deletedAt?: Date;
  updatedAt: Date;
  attempts: number;
  lastError?: MappingError;
  lastEvent?: EventStamp;
  /** Absent when no event has arrived, and in documents of earlier versions. */
  eventKeys?: readonly string[];
  nextSweepAt?: Date;
  sweeps?: number;
};

export const mappingCollection = "vital_user_mappings";

export const vitalUserIndexName = "vital_user_id_unique";

const eventSchema = new Schema({ id: String, type: String, at: Date }, { _id: false });
const errorSchema = new Schema({ code: String, message: String, at: Date }, { _id: false });

/** Describes the documents and declares the indexes. Without these indexes the process is not ready. */
export const mappingSchema = new Schema<MappingDocument>(
  {
    _id: { type: String, required: true },
    state: { type: String, required: true, enum: ["pending", "active", "failed", "deleting", "deleted"] },
    clientUserId: { type: String, required: true },
    environment: { type: String, required: true },
    region: { type: String, required: true },
    vitalUserId: String,
    otherVitalUserIds: { type: [String], default: undefined },
    generation: { type: Number, required: true },
    revision: { type: Number, required: true },
    requestedAt: { type: Date, required: true },
    activatedAt: Date,
    deletingAt: Date,
    deletedAt: Date,
    updatedAt: { type: Date, required: true },
    attempts: { type: Number, required: true },
    lastError: errorSchema,
    lastEvent: eventSchema,
    eventKeys: { type: [String], default: undefined },
    nextSweepAt: Date,
    sweeps: Number,
  },
  { collection: mappingCollection, versionKey: false },
);
// Two app users can never share a Vital user, whatever the code does.
mappingSchema.index(
  { vitalUserId: 1 },
  { name: vitalUserIndexName, unique: true, partialFilterExpression: { vitalUserId: { $type: "string" } } },
);
// Only mappings that wait for the sweeper have the field, so the index stays small.
mappingSchema.index(
  { nextSweepAt: 1 },
  { name: "due", partialFilterExpression: { nextSweepAt: { $type: "date" } } },
);
// For the counts by state, the oldest pending and deleting mappings, and the failed mappings.
mappingSchema.index({ state: 1, requestedAt: 1 }, { name: "state_requested_at" });

/** Converts a mapping to its document. */
export function toDocument(mapping: Mapping): MappingDocument {
  const { appUserId, clientUserId, environment, region, generation, revision } = mapping;
  const { state, requestedAt, updatedAt, attempts, lastError, lastEvent, eventKeys } = mapping;
  return {
    _id: appUserId,
    state,
    clientUserId,
    environment,
    region,
    generation,
    revision,
    requestedAt,
    updatedAt,
    attempts,
    ...(lastError && { lastError }),
    ...(lastEvent && { lastEvent }),
    ...(eventKeys.length > 0 && { eventKeys }),
    ...toStateFields(mapping),
  };
}

function toStateFields(mapping: Mapping): Partial<MappingDocument> {
  switch (mapping.state) {
    case "pending":
      return { nextSweepAt: mapping.nextSweepAt, sweeps: mapping.sweeps };
    case "active":
      return { vitalUserId: mapping.vitalUserId, activatedAt: mapping.activatedAt };
    case "failed":
      return {};
    case "deleting": {
      const { deletingAt, nextSweepAt, sweeps } = mapping;
      const [first, ...others] = mapping.vitalUserIdsToDelete;
      return {
        deletingAt,
        nextSweepAt,
        sweeps,
        ...(first !== undefined && { vitalUserId: first }),
        ...(others.length > 0 && { otherVitalUserIds: others }),
      };
    }
    case "deleted":
      return { deletedAt: mapping.deletedAt };
  }
}

/** Converts a document to its mapping. Fields that older versions did not write get a neutral value. */
export function toMapping(document: MappingDocument): Mapping {
  const base = {
    appUserId: document._id as AppUserId,
    clientUserId: document.clientUserId,
    environment: document.environment,
    region: document.region,
    generation: document.generation,
    revision: document.revision,
    requestedAt: document.requestedAt,
    updatedAt: document.updatedAt,
    attempts: document.attempts,
    lastError: document.lastError ?? null,
    lastEvent: document.lastEvent ?? null,
    eventKeys: document.eventKeys ?? [],
  };
  const { updatedAt } = document;
  const due = { nextSweepAt: document.nextSweepAt ?? updatedAt, sweeps: document.sweeps ?? 0 };
  switch (document.state) {
    case "pending":
      return { ...base, ...due, state: "pending" };
    case "active":
      return {
        ...base,
        state: "active",
        vitalUserId: (document.vitalUserId ?? "") as VitalUserId,
        activatedAt: document.activatedAt ?? updatedAt,
      };
    case "failed":
      return {
        ...base,
        state: "failed",
        lastError: document.lastError ?? { code: "UNKNOWN", message: "no reason was stored", at: updatedAt },
      };
    case "deleting": {
      const vitalUserIdsToDelete = [document.vitalUserId, ...(document.otherVitalUserIds ?? [])].filter(
        (id) => id !== undefined,
      );
      const deletingAt = document.deletingAt ?? updatedAt;
      return {
        ...base,
        ...due,
        state: "deleting",
        deletingAt,
        vitalUserIdsToDelete: vitalUserIdsToDelete as VitalUserId[],
      };
    }
    case "deleted":
      return { ...base, state: "deleted", deletedAt: document.deletedAt ?? updatedAt };
  }
}
