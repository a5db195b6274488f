import { countSharedSteps, findAll, findFirst, type JsonPointer } from "./json-pointer.js";
import type { CustomFormatSettings } from "./event-settings.js";
import { toEventTypes, type EventSource, type RawEvent } from "./event-format.js";

/**
 * Creates the source whose format is defined by the settings. If its pointers share a `*`, a message can contain several
 * events.
 */
export function createCustomSource(settings: CustomFormatSettings, userId: JsonPointer): EventSource {
  const shared = countSharedSteps(userId, settings.type);
  const eventsPointer = userId.slice(0, shared);
  const userIdPointer = userId.slice(shared);
  const typePointer = settings.type.slice(shared);
  const time = settings.time;
  const hasTimePerEvent = time !== null && shared > 0 && countSharedSteps(userId, time) === shared;
  const eventTypes = toEventTypes(settings.createdTypes, settings.deletedTypes);

  return {
    name: "custom",
    acceptedTypes: [...eventTypes.keys()],
    parse(message) {
      const messageTime = time === null || hasTimePerEvent ? undefined : findFirst(message, time);
      const events = findAll(message, eventsPointer).flatMap((event): RawEvent[] => {
        const name = findFirst(event, typePointer);
        if (typeof name !== "string") return [];
        const type = eventTypes.get(name) ?? null;
        return [
          {
            type,
            typeName: name,
            userIds: type === null ? [] : findAll(event, userIdPointer),
            eventId: undefined,
            time: hasTimePerEvent ? findFirst(event, time.slice(shared)) : messageTime,
          },
        ];
      });
      return events.length === 0 ? null : events;
    },
  };
}
