import type { AppUserId } from "./app-user-id.js";

const types = ["user.created", "user.deleted"] as const;

/** What a signup service reports about an app user. */
export type SignupEventType = (typeof types)[number];

export const signupEventTypes: readonly SignupEventType[] = types;

export const isSignupEventType = (type: unknown): type is SignupEventType =>
  types.some((known) => known === type);

/** An event as a signup service sends it. */
export type SignupEvent = {
  /** The sender's id of the event, the same for every delivery. */
  id: string;
  type: SignupEventType;
  appUserId: AppUserId;
  /** The time of the event by the sender's clock. It orders the events of one user. */
  occurredAt: Date;
};

/** An event that arrived, parsed from any of the supported formats. */
export type ReceivedEvent = SignupEvent & {
  /** Identifies the event among those of its user: the same for every delivery of it. */
  key: string;
  /** Whether the sender gave the time. Otherwise `occurredAt` is the time of this delivery. */
  hasOwnTime: boolean;
};

const maxEventIdLength = 256;

const visibleAscii = /^[\x21-\x7e]+$/;

/** Whether a value is an event id of 1 to 256 visible ASCII characters, which is safe in any transport. */
export const isVisibleAsciiEventId = (id: unknown): id is string =>
  typeof id === "string" && id.length <= maxEventIdLength && visibleAscii.test(id);

/** Shortens an id from a sender to the stored length, 256 UTF-16 units, and makes it well-formed Unicode. */
export const toStoredEventId = (id: string): string => id.slice(0, maxEventIdLength).toWellFormed();
