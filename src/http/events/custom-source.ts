import { countSharedSteps, findAll, findFirst, type Pointer } from "./json-pointer.js";
import type { CustomFormSettings } from "./event-settings.js";
import { toTypes, type Occurrence, type Source } from "./event-format.js";

/** A source that only the settings know. Where its pointers share a `*`, a message carries several events. */
export function createCustomSource(settings: CustomFormSettings, userId: Pointer): Source {
  const shared = countSharedSteps(userId, settings.type);
  const eventsPath = userId.slice(0, shared);
  const userIdPath = userId.slice(shared);
  const typePath = settings.type.slice(shared);
  const time = settings.time;
  const isTimeWithin = time !== null && shared > 0 && countSharedSteps(userId, time) === shared;
  const types = toTypes(settings.createdTypes, settings.deletedTypes);

  return {
    name: "custom",
    read(message) {
      const messageTime = time === null || isTimeWithin ? undefined : findFirst(message, time);
      const occurrences = findAll(message, eventsPath).flatMap((event): Occurrence[] => {
        const name = findFirst(event, typePath);
        if (typeof name !== "string") return [];
        const type = types.get(name) ?? null;
        return [
          {
            type,
            userIds: type === null ? [] : findAll(event, userIdPath),
            eventId: undefined,
            time: isTimeWithin ? findFirst(event, time.slice(shared)) : messageTime,
          },
        ];
      });
      return occurrences.length === 0 ? null : occurrences;
    },
  };
}
