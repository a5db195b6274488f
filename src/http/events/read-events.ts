import { hash } from "node:crypto";
import { signupUserIdProblem, type AppUserId } from "../../core/mapping/app-user-id.js";
import { toEventKey } from "../../core/mapping/event-key.js";
import { describeTimeProblem } from "../../core/mapping/event-time-problem.js";
import { isAbsentTime, parseEventTime } from "../../core/mapping/event-time.js";
import { toStoredEventId, type ReceivedEvent } from "../../core/mapping/signup-event.js";
import { HttpProblem } from "../problem.js";
import { decodeBase64Data } from "./cloud-events.js";
import type { EventSource, RawEvent } from "./event-format.js";
import type { EventSources } from "./event-sources.js";

/** What is known of a message before its body is read. */
export type Delivery = {
  /** The signed id of the message, which is the same for every delivery; `null` when the sender sends none. */
  messageId: string | null;
  /** The id of this request; shown for events without an id. */
  requestId: string;
  arrivedAt: Date;
};

type ReadEvents = {
  events: ReceivedEvent[];
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

/** Returns a function that hashes a message once, and only when one of its events needs it. */
function createContentReader(message: unknown): () => string {
  let content: string | null = null;
  return () => {
    content ??= hash("sha256", toJson(message), "base64url");
    return content;
  };
}

function toJson(message: unknown): string {
  try {
    return JSON.stringify(message);
  } catch {
    throw new HttpProblem("INVALID_JSON", { detail: "The request body is nested too deeply." });
  }
}

type Origin = {
  source: EventSource;
  index: number | undefined;
  /** Distinguishes the event from the others of its request; empty when it is the only one. */
  position: string;
};

/** The id by which the sender identifies the event in every delivery, or `null`. */
function findEventId({ eventId }: RawEvent, { messageId }: Delivery, { position }: Origin): string | null {
  if (typeof eventId === "string" && eventId !== "") return eventId;
  return messageId === null ? null : messageId + position;
}

function parseAppUserId(userId: unknown, origin: Origin): AppUserId {
  const problem = signupUserIdProblem(userId);
  if (problem !== null)
    throw new HttpProblem("INVALID_USER_ID", { ...toDetails(origin), detail: `The user id ${problem}.` });
  return userId as AppUserId;
}

/** Returns the details of a problem that name the origin of the event. */
const toDetails = ({ source, index }: Origin) => ({ source: source.name, index });

/** The time that the sender gave the event, or `null` when there is none. */
function parseOwnTime(time: unknown, origin: Origin): Date | null {
  if (isAbsentTime(time)) return null;
  const at = parseEventTime(time);
  if (at !== null) return at;
  const detail = `The event time ${describeTimeProblem(time)}.`;
  throw new HttpProblem("INVALID_EVENT_TIME", { ...toDetails(origin), detail });
}

/** Adds one event to the result; throws when the event is invalid. */
function addEvent(
  result: ReadEvents,
  event: RawEvent,
  origin: Origin,
  { delivery, getContent }: { delivery: Delivery; getContent: () => string },
): void {
  const { type, userIds, time } = event;
  if (type === null) {
    result.ignored.push({ source: origin.source, typeName: event.typeName });
    return;
  }
  if (userIds.length === 0) throw new HttpProblem("MISSING_USER_ID", toDetails(origin));
  const ownTime = parseOwnTime(time, origin);
  const eventId = findEventId(event, delivery, origin);
  const id = toStoredEventId(eventId ?? delivery.requestId + origin.position);
  const occurredAt = ownTime ?? delivery.arrivedAt;
  for (const userId of userIds) {
    const appUserId = parseAppUserId(userId, origin);
    const key = toEventKey({ type, appUserId, id: eventId, occurredAt: ownTime, getContent });
    result.events.push({ id, type, appUserId, occurredAt, key, hasOwnTime: ownTime !== null });
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
    const readContent = createContentReader(message);
    for (const [eventIndex, event] of events.entries()) {
      const inMessage = events.length > 1 ? eventIndex : undefined;
      const index = batchIndex ?? inMessage;
      const suffix = inMessage === undefined ? "" : `#${inMessage}`;
      const position = isBatch ? `#${messageIndex}${suffix}` : suffix;
      // A sender may put a message into another batch when it sends it again, so the content is that of the message.
      const getContent = () => readContent() + suffix;
      addEvent(result, event, { source, index, position }, { delivery, getContent });
    }
  }
  return result;
}
