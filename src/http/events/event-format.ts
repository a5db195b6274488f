import type { SignupEventType } from "../../core/mapping/signup-event.js";
import { findAll, findFirst, jsonPointer, type JsonPointer } from "./json-pointer.js";

/** One event as its source describes it, before validation. */
export type RawEvent = {
  /** `null` when the event is ignored. */
  type: SignupEventType | null;
  /** The type as the sender wrote it; `null` when there is none. */
  typeName: string | null;
  userIds: readonly unknown[];
  eventId: unknown;
  time: unknown;
};

/** Recognizes and parses the messages of one event format. */
export type EventSource = {
  /** The label in the metrics. */
  name: string;
  /** The type names of signups and deletions. */
  acceptedTypes: readonly string[];
  /** Whether the sender requires a response without a body. */
  expectsEmptyResponse?: boolean;
  /** Returns the events of a message, or `null` when the message has another format. */
  parse: (message: unknown) => RawEvent[] | null;
};

/**
 * An event format as data: how a message is recognized, and where its fields are. If `events` is set, the pointers below
 * it are relative to each event.
 */
export type EventFormat = {
  name: string;
  /** Pointers at which the message must have a value (`true`) or exactly this text. */
  recognizedBy: Readonly<Record<string, string | true>>;
  /**
   * Pointers at which the message must have exactly this text; a recognized message without it is ignored. The texts are
   * a part of the type's name in the log and the metrics, because the type alone could be an accepted one.
   */
  acceptedIf?: Readonly<Record<string, string>>;
  /** Pointer to the events of a message that contains several. */
  events?: string;
  /** Pointers to the type; the values at several pointers are joined by dots. */
  type: readonly string[];
  /** Pointers to the user id; the first one that leads to a value is used. */
  userId: readonly string[];
  eventId?: string;
  time?: string;
  /** See {@link EventSource.expectsEmptyResponse}. */
  expectsEmptyResponse?: boolean;
  createdTypes: readonly string[];
  deletedTypes: readonly string[];
};

/** Requires a value at the pointer: any value if `expected` is `true`, otherwise exactly this text. */
type Condition = { pointer: JsonPointer; expected: string | true };

const toConditions = (expectedByPointer: Readonly<Record<string, string | true>>): Condition[] =>
  Object.entries(expectedByPointer).map(([text, expected]) => ({ pointer: jsonPointer(text), expected }));

function isMet({ pointer, expected }: Condition, message: unknown): boolean {
  const found = findFirst(message, pointer);
  return expected === true ? found !== undefined : found === expected;
}

const toTypeName = (parts: readonly unknown[]) =>
  parts.every((part) => typeof part === "string") ? parts.join(".") : null;

/** Maps the type names of a source to the types of signup events; events with any other type name are ignored. */
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
  const recognizedBy = toConditions(format.recognizedBy);
  const acceptedIf = toConditions(format.acceptedIf ?? {});
  const events = format.events === undefined ? null : jsonPointer(format.events);
  const type = format.type.map(jsonPointer);
  const userId = [...moreUserIds.filter((pointer) => pointer !== null), ...format.userId.map(jsonPointer)];
  const eventId = format.eventId === undefined ? null : jsonPointer(format.eventId);
  const time = format.time === undefined ? null : jsonPointer(format.time);
  const eventTypes = toEventTypes(format.createdTypes, format.deletedTypes);
  const qualifyAccepted = (name: string) => [...acceptedIf.map(({ expected }) => expected), name].join(".");
  const findTypeName = (event: unknown) =>
    toTypeName(
      [...acceptedIf.map((condition) => condition.pointer), ...type].map((pointer) =>
        findFirst(event, pointer),
      ),
    );

  const parseEvent = (event: unknown): RawEvent | null => {
    const name = toTypeName(type.map((pointer) => findFirst(event, pointer)));
    if (name === null) return null;
    const eventType = eventTypes.get(name) ?? null;
    return {
      type: eventType,
      typeName: eventType === null ? findTypeName(event) : name,
      userIds: eventType === null ? [] : findUserIds(event, userId),
      eventId: eventId === null ? undefined : findFirst(event, eventId),
      time: time === null ? undefined : findFirst(event, time),
    };
  };

  return {
    name: format.name,
    acceptedTypes: Array.from(eventTypes.keys(), qualifyAccepted),
    expectsEmptyResponse: format.expectsEmptyResponse ?? false,
    parse(message) {
      if (!recognizedBy.every((condition) => isMet(condition, message))) return null;
      if (!acceptedIf.every((condition) => isMet(condition, message))) {
        return [{ ...ignoredEvent, typeName: findTypeName(message) }];
      }
      if (events !== null) return findAll(message, events).map((event) => parseEvent(event) ?? ignoredEvent);
      const event = parseEvent(message);
      return event === null ? null : [event];
    },
  };
}

const ignoredEvent: RawEvent = {
  type: null,
  typeName: null,
  userIds: [],
  eventId: undefined,
  time: undefined,
};
