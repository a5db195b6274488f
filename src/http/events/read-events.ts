import { appUserIdProblem, type AppUserId } from "../../core/mapping/app-user-id.js";
import { toStoredEventId, type SignupEvent } from "../../core/mapping/signup-event.js";
import { parseEventTime } from "../../core/mapping/event-time.js";
import { EventRefusal } from "./refusal.js";
import type { Occurrence, Source } from "./event-format.js";
import type { Sources } from "./event-sources.js";

/** What is known of a message before it is read. */
export type Delivery = {
  /** Names events whose source gives them no id: of the message, or of the request. */
  id: string;
  arrivedAt: Date;
};

export type ReadEvents = {
  events: SignupEvent[];
  /** The source of each event, in the same order. */
  acceptedFrom: string[];
  /** The source of each occurrence that is of no concern. */
  ignoredFrom: string[];
};

type Recognised = { source: Source; occurrences: Occurrence[] };

function offer(message: unknown, source: Source): Recognised | null {
  const occurrences = source.read(message);
  return occurrences === null ? null : { source, occurrences };
}

function offerToFirst(message: unknown, sources: readonly Source[]): Recognised | null {
  for (const source of sources) {
    const recognised = offer(message, source);
    if (recognised !== null) return recognised;
  }
  return null;
}

const hasEvent = ({ occurrences }: Recognised) =>
  occurrences.some(({ type, userIds }) => type !== null && userIds.length > 0);

/**
 * The first known source of whose form the message is. Where that one finds no event in it, the source of the settings
 * may; where neither does, the first says why. A message of no form is refused.
 */
function recognise(message: unknown, { known, custom }: Sources, index: number | undefined): Recognised {
  const first = offerToFirst(message, known);
  if (first !== null && hasEvent(first)) return first;
  const own = custom === null ? null : offer(message, custom);
  const best = own !== null && hasEvent(own) ? own : (first ?? own);
  if (best !== null) return best;
  const detail = "no type of event was found; send a known form, or set EVENTS_USER_ID_POINTER";
  throw new EventRefusal("UNKNOWN_EVENT_FORM", detail, { index });
}

function toEventId(eventId: unknown, delivery: Delivery, index: number | undefined): string {
  const isGiven = typeof eventId === "string" && eventId !== "";
  const id = isGiven ? eventId : `${delivery.id}${index === undefined ? "" : `#${index}`}`;
  return toStoredEventId(id);
}

type Place = { source: string; index: number | undefined };

function toAppUserIdOrRefuse(userId: unknown, place: Place): AppUserId {
  const problem = appUserIdProblem(userId);
  if (problem !== null) throw new EventRefusal("INVALID_USER_ID", `the user id ${problem}`, place);
  return userId as AppUserId;
}

/** Adds what one occurrence means; throws when it cannot mean anything. */
function addOccurrence(result: ReadEvents, occurrence: Occurrence, place: Place, delivery: Delivery): void {
  const { type, userIds } = occurrence;
  if (type === null) {
    result.ignoredFrom.push(place.source);
    return;
  }
  if (userIds.length === 0) {
    throw new EventRefusal("MISSING_USER_ID", "there is no user id where this form has it", place);
  }
  const occurredAt = parseEventTime(occurrence.time, delivery.arrivedAt);
  if (occurredAt === null) {
    const detail = "the time must be RFC 3339, or seconds or milliseconds since 1970";
    throw new EventRefusal("INVALID_EVENT_TIME", detail, place);
  }
  const id = toEventId(occurrence.eventId, delivery, place.index);
  for (const userId of userIds) {
    result.events.push({ id, type, appUserId: toAppUserIdOrRefuse(userId, place), occurredAt });
    result.acceptedFrom.push(place.source);
  }
}

/**
 * What a body says, in whatever dialect: one message, or an array of them.
 *
 * @throws EventRefusal for the first event that can never be taken, with its index; then none of them is.
 */
export function readEvents(body: unknown, sources: Sources, delivery: Delivery): ReadEvents {
  const result: ReadEvents = { events: [], acceptedFrom: [], ignoredFrom: [] };
  const isBatch = Array.isArray(body);
  for (const [messageIndex, message] of (isBatch ? (body as unknown[]) : [body]).entries()) {
    const { source, occurrences } = recognise(message, sources, isBatch ? messageIndex : undefined);
    for (const [eventIndex, occurrence] of occurrences.entries()) {
      const index = isBatch ? messageIndex : occurrences.length > 1 ? eventIndex : undefined;
      addOccurrence(result, occurrence, { source: source.name, index }, delivery);
    }
  }
  return result;
}
