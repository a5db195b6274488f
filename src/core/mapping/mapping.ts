import type { AppUserId, VitalUserId } from "./app-user-id.js";
import type { SignupEventType } from "./signup-event.js";
import type { Deployment } from "../vital/deployment.js";

/** What stands in a mapping of the newest event that it has seen. */
export type EventStamp = { id: string; type: SignupEventType; at: Date };

/** Why the last attempt did not succeed, for the operator. Never a secret, never another user. */
export type MappingError = { code: string; message: string; at: Date };

/** When a sweeper takes the row up, and how often one has since the last attempt. */
type Due = { nextSweepAt: Date; sweeps: number };

type MappingBase = Deployment & {
  appUserId: AppUserId;
  /** What Vital knows the user by (`client_user_id`). */
  clientUserId: string;
  /**
   * Bumped by every transition and part of every compare-and-set. Comparing `state` alone would let a slow worker
   * write a dead Vital user into a newer `pending`.
   */
  generation: number;
  /** Bumped by every write, also by those that are no transition: what a compare-and-set compares. */
  revision: number;
  requestedAt: Date;
  updatedAt: Date;
  /** Failed attempts since the mapping became pending or deleting. */
  attempts: number;
  lastError: MappingError | null;
  /** Null while only a viewer has asked: events are ordered among events alone. */
  lastEvent: EventStamp | null;
};

export type PendingMapping = MappingBase & Due & { state: "pending" };
export type ActiveMapping = MappingBase & { state: "active"; vitalUserId: VitalUserId; activatedAt: Date };
export type FailedMapping = MappingBase & { state: "failed"; lastError: MappingError };
export type DeletingMapping = MappingBase &
  Due & {
    state: "deleting";
    deletingAt: Date;
    /** The Vital users that are to be deleted: only an id that stands here is ever sent to Vital's DELETE. */
    vitalUserIdsToDelete: readonly VitalUserId[];
  };
export type DeletedMapping = MappingBase & { state: "deleted"; deletedAt: Date };

/** The stored pair of an app user and its Vital user, in one of its five states. */
export type Mapping = PendingMapping | ActiveMapping | FailedMapping | DeletingMapping | DeletedMapping;
export type MappingState = Mapping["state"];

/** A deletion whose app user has signed up again meanwhile: it becomes pending instead of deleted. */
export const isSignedUpAgain = (mapping: DeletingMapping): boolean =>
  mapping.lastEvent?.type === "user.created";
