import { toConnectedSources } from "./connections.js";
import type { ManualValue, User } from "./user-store.js";
import { toVitalTime } from "./vital-time.js";

const toManual = (key: "id" | "value", manual: ManualValue | null) =>
  manual && { [key]: manual.value, source_slug: "manual", updated_at: toVitalTime(manual.updatedAt) };

/** Returns `ClientFacingUser` of Vital's OpenAPI file, as creating and listing users return it. */
export function toUserJson(user: User) {
  return {
    user_id: user.vitalUserId,
    team_id: user.teamId,
    client_user_id: user.clientUserId,
    created_on: toVitalTime(user.createdAt),
    connected_sources: toConnectedSources(user),
    fallback_time_zone: toManual("id", user.attributes.fallbackTimeZone),
    fallback_birth_date: toManual("value", user.attributes.fallbackBirthDate),
    ingestion_start: user.attributes.ingestionStart,
    ingestion_end: user.attributes.ingestionEnd,
  };
}

/**
 * Returns the user as a single-user response does. Quirks of the live service: without a start the end is null, and with
 * a start an open end is the zero date.
 */
export function toSingleUserJson(user: User) {
  const { ingestionStart, ingestionEnd } = user.attributes;
  const end = ingestionStart === null ? null : (ingestionEnd ?? "0001-01-01");
  return { ...toUserJson(user), ingestion_end: end };
}
