import { toEventKey } from "./event-key.js";
import type { EventStamp, Mapping } from "./mapping.js";

/** An event as a mapping receives it. */
export type IncomingEvent = EventStamp & {
  /** Identifies the event among those of its user, see {@link toEventKey}. */
  key: string;
  /** Whether `at` is the sender's time. Otherwise it is the time of this delivery, which is the first one if it counts. */
  hasOwnTime: boolean;
};

/** How many events of a user are recognized when they arrive again. Older ones are still ordered by their time. */
const maxEventKeys = 32;

type SeenEvents = Pick<Mapping, "appUserId" | "eventKeys" | "lastEvent">;

/** Mappings of earlier versions have no keys. Their newest event is known by its id. */
function listSeenKeys({ appUserId, eventKeys, lastEvent }: SeenEvents): readonly string[] {
  if (eventKeys.length > 0 || lastEvent === null) return eventKeys;
  const { id, type, at } = lastEvent;
  return [toEventKey({ type, appUserId, id, occurredAt: at, getContent: () => "" })];
}

/** Whether the event has arrived before. Then it changes nothing, whatever has happened since. */
export const hasSeen = (mapping: SeenEvents, event: IncomingEvent): boolean =>
  listSeenKeys(mapping).includes(event.key);

/** Returns the keys of the events that the mapping has seen, with that of this event. */
export const addEventKey = (mapping: SeenEvents, event: IncomingEvent): readonly string[] =>
  [...listSeenKeys(mapping), event.key].slice(-maxEventKeys);

/**
 * Returns what the mapping stores of an event. One without a time counts from its first arrival, and everything that
 * was applied before is older, even if the clock of another sender is ahead.
 */
export function toStamp({ id, type, at, hasOwnTime }: IncomingEvent, last: EventStamp | null): EventStamp {
  const isOvertaken = !hasOwnTime && last !== null && last.at > at;
  return { id, type, at: isOvertaken ? last.at : at };
}

/** Events are ordered by their own time; of two with the same time, the deletion is newer. */
export function isNewer(event: EventStamp, last: EventStamp | null): boolean {
  if (last === null) return true;
  const aheadMs = event.at.getTime() - last.at.getTime();
  return aheadMs > 0 || (aheadMs === 0 && event.type === "user.deleted" && last.type === "user.created");
}
