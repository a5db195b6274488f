import type { AppUserId } from "./app-user-id.js";

/** The two things that a signup service has to say. */
export type SignupEventType = "user.created" | "user.deleted";

/** What a signup service publishes, whatever dialect it came in. */
export type SignupEvent = {
  /** The sender's id of the event; for the log and the operator. Events are idempotent per user, not per id. */
  id: string;
  type: SignupEventType;
  appUserId: AppUserId;
  /** When it happened at the sender; orders the events of one user. */
  occurredAt: Date;
};
