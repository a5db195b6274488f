import { appUserIdProblem, type AppUserId } from "../../core/mapping/app-user-id.js";
import { parseEventTime } from "../../core/mapping/event-time.js";
import { toStoredEventId, type SignupEvent } from "../../core/mapping/signup-event.js";
import { HttpProblem } from "../problem.js";
import { decodeBase64Data } from "./cloud-events.js";
import type { EventSource, RawEvent } from "./event-format.js";
import type { EventSources } from "./event-sources.js";

/** The id and the arrival time of a message, which are known before its body is read. */
export type Delivery = {
  /** The id of the message or of the request; used for events that contain no id. */
  id: string;
  arrivedAt: Date;
};

type ReadEvents = {
  events: SignupEvent[];
  /** The source of each event, in the same order. */
  acceptedFrom: string[];
  ignored: { source: EventSource; typeName: string | null }[];
  /** Whether every message has the format of a sender that requires a response without a body. */
  expectsEmptyResponse: boolean;
};

type ParsedMessage = { source: EventSource; events: RawEvent[] };

function parseWith(source: EventSource, message: unknown): ParsedMessage | null {
  const events = source.parse(message);
  return events === null ? null : { source, events };
}

function parseWithFirst(sources: readonly EventSource[], message: unknown): ParsedMessage | null {
  for (const source of sources) {
    const parsed = parseWith(source, message);
    if (parsed !== null) return parsed;
  }
  return null;
}

const hasEvent = ({ events }: ParsedMessage) =>
  events.some(({ type, userIds }) => type !== null && userIds.length > 0);

/**
 * Parses a message with the first known source that recognizes its format. If that source finds no event in it, the
 * custom source is tried. If neither finds one, the known source determines the error. Throws for a message that no
 * source recognizes.
 */
function parseMessage(
  message: unknown,
  { known, custom }: EventSources,
  index: number | undefined,
): ParsedMessage {
  const first = parseWithFirst(known, message);
  if (first !== null && hasEvent(first)) return first;
  const byCustom = custom === null ? null : parseWith(custom, message);
  const best = byCustom !== null && hasEvent(byCustom) ? byCustom : (first ?? byCustom);
  if (best === null) throw new HttpProblem("UNKNOWN_EVENT_FORM", { index });
  return best;
}

function toEventId(eventId: unknown, delivery: Delivery, index: number | undefined): string {
  const hasId = typeof eventId === "string" && eventId !== "";
  const id = hasId ? eventId : `${delivery.id}${index === undefined ? "" : `#${index}`}`;
  return toStoredEventId(id);
}

type Origin = { source: EventSource; index: number | undefined };

function parseAppUserId(userId: unknown, origin: Origin): AppUserId {
  const problem = appUserIdProblem(userId);
  if (problem !== null)
    throw new HttpProblem("INVALID_USER_ID", { ...toDetails(origin), detail: `The user id ${problem}.` });
  return userId as AppUserId;
}

/** Returns the details of a problem that name the origin of the event. */
const toDetails = ({ source, index }: Origin) => ({ source: source.name, index });

/** Adds one event to the result; throws when the event is invalid. */
function addEvent(result: ReadEvents, event: RawEvent, origin: Origin, delivery: Delivery): void {
  const { type, userIds } = event;
  if (type === null) {
    result.ignored.push({ source: origin.source, typeName: event.typeName });
    return;
  }
  if (userIds.length === 0) throw new HttpProblem("MISSING_USER_ID", toDetails(origin));
  const occurredAt = parseEventTime(event.time, delivery.arrivedAt);
  if (occurredAt === null) throw new HttpProblem("INVALID_EVENT_TIME", toDetails(origin));
  const id = toEventId(event.eventId, delivery, origin.index);
  for (const userId of userIds) {
    result.events.push({ id, type, appUserId: parseAppUserId(userId, origin), occurredAt });
    result.acceptedFrom.push(origin.source.name);
  }
}

/**
 * Reads the events of a body in any supported format: one message, or an array of messages.
 *
 * @throws HttpProblem for the first invalid event, with its index. In that case, no event of the body is accepted.
 */
export function readEvents(body: unknown, sources: EventSources, delivery: Delivery): ReadEvents {
  const isBatch = Array.isArray(body);
  const result: ReadEvents = { events: [], acceptedFrom: [], ignored: [], expectsEmptyResponse: !isBatch };
  for (const [messageIndex, message] of (isBatch ? (body as unknown[]) : [body]).entries()) {
    const batchIndex = isBatch ? messageIndex : undefined;
    const { source, events } = parseMessage(decodeBase64Data(message, batchIndex), sources, batchIndex);
    if (source.expectsEmptyResponse !== true) result.expectsEmptyResponse = false;
    for (const [eventIndex, event] of events.entries()) {
      const index = isBatch ? messageIndex : events.length > 1 ? eventIndex : undefined;
      addEvent(result, event, { source, index }, delivery);
    }
  }
  return result;
}
