import type { SignupEventType } from "../../core/mapping/signup-event.js";
import { findAll, findFirst, pointer, type Pointer } from "./json-pointer.js";

/** One thing that happened, as the source says it; nothing of it is checked yet. */
export type Occurrence = {
  /** `null`: of no concern to us. */
  type: SignupEventType | null;
  userIds: readonly unknown[];
  eventId: unknown;
  time: unknown;
};

/** A dialect of events. */
export type Source = {
  /** Label of the metrics. */
  name: string;
  /** What a message says, or `null` when it is not of this form. */
  read: (message: unknown) => Occurrence[] | null;
};

/**
 * A dialect as data: how it is recognised, and where things are. Where `events` is given, the pointers below it are
 * read within each of them.
 */
export type SourceForm = {
  name: string;
  /** Pointers that must lead to something, or to exactly this. */
  marks: Readonly<Record<string, string | true>>;
  /** Pointers that must lead to exactly this; otherwise the message is of this form and ignored. */
  only?: Readonly<Record<string, string>>;
  /** Where the events of a message that carries several are. */
  events?: string;
  /** Several are joined by dots. */
  type: readonly string[];
  /** The first that leads to something counts. */
  userId: readonly string[];
  eventId?: string;
  time?: string;
  createdTypes: readonly string[];
  deletedTypes: readonly string[];
};

const typeName = (parts: readonly unknown[]) =>
  parts.every((part) => typeof part === "string") ? parts.join(".") : null;

/** The names that a source gives to what concerns us. */
export function toTypes(
  created: readonly string[],
  deleted: readonly string[],
): ReadonlyMap<string, SignupEventType> {
  return new Map<string, SignupEventType>([
    ...created.map((name) => [name, "user.created"] as const),
    ...deleted.map((name) => [name, "user.deleted"] as const),
  ]);
}

function findUserIds(event: unknown, pointers: readonly Pointer[]): readonly unknown[] {
  for (const path of pointers) {
    const found = findAll(event, path);
    if (found.length > 0) return found;
  }
  return [];
}

/** Makes a row of the table into a source; `moreUserIds` are looked at before those of the form. */
export function toSource(form: SourceForm, moreUserIds: readonly (Pointer | null)[] = []): Source {
  const marks = Object.entries(form.marks).map(([text, mark]) => ({ path: pointer(text), mark }));
  const only = Object.entries(form.only ?? {}).map(([text, mark]) => ({ path: pointer(text), mark }));
  const events = form.events === undefined ? null : pointer(form.events);
  const typePath = form.type.map(pointer);
  const userIdPaths = [...moreUserIds.filter((path) => path !== null), ...form.userId.map(pointer)];
  const eventIdPath = form.eventId === undefined ? null : pointer(form.eventId);
  const timePath = form.time === undefined ? null : pointer(form.time);
  const types = toTypes(form.createdTypes, form.deletedTypes);

  const isMarked = (message: unknown, { path, mark }: { path: Pointer; mark: string | true }) => {
    const found = findFirst(message, path);
    return mark === true ? found !== undefined : found === mark;
  };
  const readEvent = (event: unknown): Occurrence | null => {
    const name = typeName(typePath.map((path) => findFirst(event, path)));
    if (name === null) return null;
    const type = types.get(name) ?? null;
    return {
      type,
      userIds: type === null ? [] : findUserIds(event, userIdPaths),
      eventId: eventIdPath === null ? undefined : findFirst(event, eventIdPath),
      time: timePath === null ? undefined : findFirst(event, timePath),
    };
  };

  return {
    name: form.name,
    read(message) {
      if (!marks.every((mark) => isMarked(message, mark))) return null;
      if (!only.every((mark) => isMarked(message, mark))) return [ignoredOccurrence];
      if (events !== null)
        return findAll(message, events).map((event) => readEvent(event) ?? ignoredOccurrence);
      const occurrence = readEvent(message);
      return occurrence === null ? null : [occurrence];
    },
  };
}

const ignoredOccurrence: Occurrence = { type: null, userIds: [], eventId: undefined, time: undefined };
