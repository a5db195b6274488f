import type { VitalUserId } from "./app-user-id.js";
import type { IncomingEvent } from "./event-order.js";

/**
 * What can happen to a mapping. `generation` is the mapping's generation when the attempt started: if the mapping has
 * changed since then, the result of the attempt must have no effect.
 */
export type Trigger =
  /** A signup service reports that the app user signed up. */
  | { type: "user-created"; event: IncomingEvent }
  /** A signup service reports that the app user was deleted. */
  | { type: "user-deleted"; event: IncomingEvent }
  /** A viewer needs the Vital user, and no event has announced the app user. */
  | { type: "requested" }
  /** Vital created the user, or responded that it exists. */
  | { type: "provisioned"; vitalUserId: VitalUserId; generation: number }
  /** Vital refused to create the user and would refuse again, or creating it has failed for too long. */
  | { type: "provisioning-failed"; code: string; message: string; generation: number }
  /** An attempt failed, and a later one may succeed. */
  | { type: "postponed"; code: string; message: string; generation: number; nextSweepAt: Date }
  /** The Vital user of an active mapping does not exist at Vital. */
  | { type: "vital-user-missing"; vitalUserId: VitalUserId }
  /** A lookup at Vital found a user that must be deleted. */
  | { type: "vital-user-found"; vitalUserId: VitalUserId; generation: number }
  /** Vital confirmed that a user to be deleted no longer exists. */
  | { type: "vital-user-deleted"; vitalUserId: VitalUserId; generation: number }
  /** The same for the only user with its client user id, while no create can be in flight. */
  | { type: "last-vital-user-deleted"; vitalUserId: VitalUserId; generation: number }
  /** A lookup at Vital, sent at `askedAt`, found no user with this client user id. */
  | { type: "vital-user-not-found"; askedAt: Date; generation: number }
  /** A deletion is about to look up the client user id with a create, because no path can carry the id. */
  | { type: "lookup-by-create"; generation: number }
  /** An operator asks for another attempt on a failed mapping. */
  | { type: "retried" };
