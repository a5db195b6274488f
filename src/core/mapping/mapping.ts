import type { AppUserId, VitalUserId } from "./app-user-id.js";
import type { SignupEventType } from "./signup-event.js";
import type { Deployment } from "../vital/deployment.js";

/** The newest event that was applied to a mapping. `at` is the time by the sender's clock, right or wrong. */
export type EventStamp = { id: string; type: SignupEventType; at: Date };

/** Why the last attempt failed, for the operator. Never contains a secret or another user's data. */
export type MappingError = { code: string; message: string; at: Date };

/** When the mapping is next due for a sweeper, and how often sweepers have claimed it since the last attempt. */
type Due = { nextSweepAt: Date; sweeps: number };

type MappingBase = Deployment & {
  appUserId: AppUserId;
  /** The id by which Vital knows the user (`client_user_id`). */
  clientUserId: string;
  /**
   * Increases with every transition, and whenever the list of Vital users to delete changes. The result of an attempt
   * counts only for the generation that it started from: comparing `state` alone would let a slow worker write a
   * deleted Vital user into a newer `pending` mapping.
   */
  generation: number;
  /** Increases with every write, including writes that keep the state. Every compare-and-set compares it. */
  revision: number;
  requestedAt: Date;
  updatedAt: Date;
  /** Failed attempts since the mapping became pending or deleting. */
  attempts: number;
  lastError: MappingError | null;
  /** Null until the first event arrives. A viewer's request is not an event, so every event is newer than it. */
  lastEvent: EventStamp | null;
  /** The keys of the last events that arrived, applied or late, oldest first. Each of them changes nothing again. */
  eventKeys: readonly string[];
};

export type PendingMapping = MappingBase & Due & { state: "pending" };
export type ActiveMapping = MappingBase & { state: "active"; vitalUserId: VitalUserId; activatedAt: Date };
export type FailedMapping = MappingBase & { state: "failed"; lastError: MappingError };
export type DeletingMapping = MappingBase &
  Due & {
    state: "deleting";
    deletingAt: Date;
    /** Only a Vital user in this list is ever deleted at Vital. */
    vitalUserIdsToDelete: readonly VitalUserId[];
  };
export type DeletedMapping = MappingBase & { state: "deleted"; deletedAt: Date };

/** The stored pair of an app user and its Vital user, in one of five states. */
export type Mapping = PendingMapping | ActiveMapping | FailedMapping | DeletingMapping | DeletedMapping;
export type MappingState = Mapping["state"];

/** Whether the app user has signed up again since the deletion: then the mapping becomes pending instead of deleted. */
export const isSignedUpAgain = (mapping: DeletingMapping): boolean =>
  mapping.lastEvent?.type === "user.created";
