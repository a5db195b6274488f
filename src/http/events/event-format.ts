import type { SignupEventType } from "../../core/mapping/signup-event.js";
import { findAll, findFirst, jsonPointer, type JsonPointer } from "./json-pointer.js";

/** One event as its source describes it; nothing in it has been checked yet. */
export type RawEvent = {
  /** `null`: an event that is ignored. */
  type: SignupEventType | null;
  userIds: readonly unknown[];
  eventId: unknown;
  time: unknown;
};

/** Recognizes and parses the messages of one event format. */
export type EventSource = {
  /** Label in the metrics. */
  name: string;
  /** Returns the events of a message, or `null` when the message has another format. */
  parse: (message: unknown) => RawEvent[] | null;
};

/**
 * An event format as data: how a message is recognized, and where its fields are. With `events`, the pointers after it
 * are read within each event.
 */
export type EventFormat = {
  name: string;
  /** Pointers at which the message must have a value (`true`) or exactly this text. */
  marks: Readonly<Record<string, string | true>>;
  /** Pointers that must lead to exactly this text; otherwise the message has this format and is ignored. */
  only?: Readonly<Record<string, string>>;
  /** Pointer to the events of a message with several. */
  events?: string;
  /** The values at several pointers are joined by dots. */
  type: readonly string[];
  /** The first pointer that leads to a value counts. */
  userId: readonly string[];
  eventId?: string;
  time?: string;
  createdTypes: readonly string[];
  deletedTypes: readonly string[];
};

const toTypeName = (parts: readonly unknown[]) =>
  parts.every((part) => typeof part === "string") ? parts.join(".") : null;

/** Maps the names that a source uses to the types that are not ignored. */
export function toEventTypes(
  created: readonly string[],
  deleted: readonly string[],
): ReadonlyMap<string, SignupEventType> {
  return new Map<string, SignupEventType>([
    ...created.map((name) => [name, "user.created"] as const),
    ...deleted.map((name) => [name, "user.deleted"] as const),
  ]);
}

function findUserIds(event: unknown, pointers: readonly JsonPointer[]): readonly unknown[] {
  for (const pointer of pointers) {
    const found = findAll(event, pointer);
    if (found.length > 0) return found;
  }
  return [];
}

/** Creates the source of a format; `moreUserIds` are tried before the pointers of the format. */
export function createEventSource(
  format: EventFormat,
  moreUserIds: readonly (JsonPointer | null)[] = [],
): EventSource {
  const marks = Object.entries(format.marks).map(([text, mark]) => ({ pointer: jsonPointer(text), mark }));
  const only = Object.entries(format.only ?? {}).map(([text, mark]) => ({
    pointer: jsonPointer(text),
    mark,
  }));
  const events = format.events === undefined ? null : jsonPointer(format.events);
  const type = format.type.map(jsonPointer);
  const userId = [...moreUserIds.filter((pointer) => pointer !== null), ...format.userId.map(jsonPointer)];
  const eventId = format.eventId === undefined ? null : jsonPointer(format.eventId);
  const time = format.time === undefined ? null : jsonPointer(format.time);
  const eventTypes = toEventTypes(format.createdTypes, format.deletedTypes);

  const isMarked = (message: unknown, { pointer, mark }: { pointer: JsonPointer; mark: string | true }) => {
    const found = findFirst(message, pointer);
    return mark === true ? found !== undefined : found === mark;
  };
  const parseEvent = (event: unknown): RawEvent | null => {
    const name = toTypeName(type.map((pointer) => findFirst(event, pointer)));
    if (name === null) return null;
    const eventType = eventTypes.get(name) ?? null;
    return {
      type: eventType,
      userIds: eventType === null ? [] : findUserIds(event, userId),
      eventId: eventId === null ? undefined : findFirst(event, eventId),
      time: time === null ? undefined : findFirst(event, time),
    };
  };

  return {
    name: format.name,
    parse(message) {
      if (!marks.every((mark) => isMarked(message, mark))) return null;
      if (!only.every((mark) => isMarked(message, mark))) return [ignoredEvent];
      if (events !== null) return findAll(message, events).map((event) => parseEvent(event) ?? ignoredEvent);
      const event = parseEvent(message);
      return event === null ? null : [event];
    },
  };
}

const ignoredEvent: RawEvent = { type: null, userIds: [], eventId: undefined, time: undefined };
