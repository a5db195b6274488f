import { signupUserIdProblem, type AppUserId } from "../core/mapping/app-user-id.js";
import { describeTimeProblem } from "../core/mapping/event-time-problem.js";
import { isAbsentTime, parseEventTime } from "../core/mapping/event-time.js";
import {
  isVisibleAsciiEventId,
  isSignupEventType,
  signupEventTypes,
  type SignupEvent,
  type SignupEventType,
} from "../core/mapping/signup-event.js";

/** What happened to an app user, as a signup service reports it. */
export type Signup = {
  type: SignupEventType;
  /** The id claim of the user's access tokens, byte for byte. */
  appUserId: string;
  /** Identifies the event in logs: up to 256 visible ASCII characters. Generated when absent. */
  id?: string | undefined;
  /** When it happened; orders the events of one user. An RFC 3339 string or a `Date`. Default: now. */
  occurredAt?: Date | string | undefined;
};

function toInstant(occurredAt: unknown, now: Date): Date | null {
  if (isAbsentTime(occurredAt)) return now;
  if (!(occurredAt instanceof Date)) return parseEventTime(occurredAt);
  return Number.isNaN(occurredAt.getTime()) ? null : occurredAt;
}

const describeInstantProblem = (occurredAt: unknown) =>
  occurredAt instanceof Date ? "is an invalid Date" : describeTimeProblem(occurredAt);

/** Converts what a caller passes, which may violate the types, to an event or to the reason why it is invalid. */
export function toSignupEvent(
  signup: Signup | null | undefined,
  { now, newId }: { now: Date; newId: () => string },
): { event: SignupEvent } | { problem: string } {
  if (typeof signup !== "object" || signup === null) return { problem: "pass { type, appUserId }" };
  const { type, appUserId, id = newId() } = signup;
  if (!isSignupEventType(type)) return { problem: `type must be one of ${signupEventTypes.join(", ")}` };
  const idProblem = signupUserIdProblem(appUserId);
  if (idProblem !== null) return { problem: `appUserId ${idProblem}` };
  if (!isVisibleAsciiEventId(id)) {
    return { problem: "id must be 1 to 256 visible ASCII characters" };
  }
  const occurredAt = toInstant(signup.occurredAt, now);
  if (occurredAt === null) return { problem: `occurredAt ${describeInstantProblem(signup.occurredAt)}` };
  return { event: { id, type, appUserId: appUserId as AppUserId, occurredAt } };
}
