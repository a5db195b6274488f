import { appUserIdProblem, type AppUserId } from "../core/mapping/app-user-id.js";
import { parseEventTime } from "../core/mapping/event-time.js";
import {
  isHeaderEventId,
  isSignupEventType,
  signupEventTypes,
  type SignupEvent,
  type SignupEventType,
} from "../core/mapping/signup-event.js";

/** What happened to an app user, as a signup service says it. */
export type Signup = {
  type: SignupEventType;
  /** The id claim of the user's access tokens, to the byte. */
  appUserId: string;
  /** Names the event in logs: up to 256 visible ASCII characters. Made up where it is absent. */
  id?: string | undefined;
  /** When it happened; orders the events of one user. An RFC 3339 string or a `Date`; now where it is absent. */
  occurredAt?: Date | string | undefined;
};

function toInstant(occurredAt: unknown, now: Date): Date | null {
  if (!(occurredAt instanceof Date)) return parseEventTime(occurredAt, now);
  return Number.isNaN(occurredAt.getTime()) ? null : occurredAt;
}

/** Takes what a caller says, which need not keep to the types, as an event or as the reason why it cannot be one. */
export function toSignupEvent(
  signup: Signup | null | undefined,
  { now, newId }: { now: Date; newId: () => string },
): { event: SignupEvent } | { problem: string } {
  if (typeof signup !== "object" || signup === null) return { problem: "give { type, appUserId }" };
  const { type, appUserId, id = newId() } = signup;
  if (!isSignupEventType(type)) return { problem: `type must be one of ${signupEventTypes.join(", ")}` };
  const idProblem = appUserIdProblem(appUserId);
  if (idProblem !== null) return { problem: `appUserId ${idProblem}` };
  if (!isHeaderEventId(id)) {
    return { problem: "id must be 1 to 256 visible ASCII characters" };
  }
  const occurredAt = toInstant(signup.occurredAt, now);
  if (occurredAt === null) return { problem: "occurredAt must be a valid Date or an RFC 3339 string" };
  return { event: { id, type, appUserId: appUserId as AppUserId, occurredAt } };
}
