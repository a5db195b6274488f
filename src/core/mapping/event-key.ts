import { hash } from "node:crypto";
import type { AppUserId } from "./app-user-id.js";
import type { SignupEventType } from "./signup-event.js";

/** 72 bits: enough to tell the few events of one user apart. */
const keyLength = 12;

/** What identifies an event, as far as its sender says it. */
export type EventIdentity = {
  type: SignupEventType;
  appUserId: AppUserId;
  /** The sender's id of the event; `null` when it sends none. */
  id: string | null;
  /** The sender's time of the event; `null` when it sends none. */
  occurredAt: Date | null;
  /** Identifies the content of the event. Called only for an event that has neither an id nor a time. */
  getContent: () => string;
};

function toIdentityText({ appUserId, id, occurredAt, getContent }: EventIdentity): string {
  // Some senders use the user's id as the event id, which says nothing about the event.
  if (id !== null && id !== appUserId) return `id\n${id}`;
  if (occurredAt !== null) return `time\n${occurredAt.getTime()}`;
  return `content\n${getContent()}`;
}

/**
 * Returns the key by which a mapping recognizes an event that it has seen before: a short hash of the event's type and
 * its id. An event without an id is identified by its time, and one without both by its content. Every delivery of an
 * event has the same key, and a signup never has the key of a deletion.
 */
export const toEventKey = (event: EventIdentity): string =>
  hash("sha256", `${event.type}\n${toIdentityText(event)}`, "base64url").slice(0, keyLength);
