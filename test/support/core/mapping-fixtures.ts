import { isDeepStrictEqual } from "node:util";
import type { AppUserId, VitalUserId } from "../../../src/core/mapping/app-user-id.js";
import type {
  ActiveMapping,
  DeletedMapping,
  DeletingMapping,
  EventStamp,
  FailedMapping,
  Mapping,
  MappingState,
  PendingMapping,
} from "../../../src/core/mapping/mapping.js";
import { toEventKey } from "../../../src/core/mapping/event-key.js";
import type { IncomingEvent } from "../../../src/core/mapping/event-order.js";
import type { ReceivedEvent, SignupEventType } from "../../../src/core/mapping/signup-event.js";
import { deployment } from "./memory-store.js";

export const appUserId = "auth0|ada" as AppUserId;
export const vitalUserId = "11111111-1111-4111-8111-111111111111" as VitalUserId;
export const otherVitalUserId = "22222222-2222-4222-8222-222222222222" as VitalUserId;

/** The time of the newest event of every fixture. */
export const lastEventAt = new Date("2026-11-22T10:00:00.000Z");
export const generation = 7;
/** The key of an event that has arrived before, in every fixture. */
export const seenKey = "seen-before";

export const toStamp = (type: SignupEventType, at = lastEventAt): EventStamp => ({ id: "evt_1", type, at });

/** Returns an event with its own time that has not arrived before. */
export const toEvent = (type: SignupEventType, at = lastEventAt): IncomingEvent => ({
  id: "evt_1",
  type,
  at,
  key: `${type} at ${at.getTime()}`,
  hasOwnTime: true,
});

/** Returns an event as an edge reads it; without `at`, its sender gives no time, and it arrives at `arrivedAt`. */
export function toReceivedEvent(
  appUserId: AppUserId,
  type: SignupEventType,
  {
    at = null,
    id = null,
    arrivedAt = lastEventAt,
  }: { at?: Date | null; id?: string | null; arrivedAt?: Date },
): ReceivedEvent {
  const key = toEventKey({ type, appUserId, id, occurredAt: at, getContent: () => "" });
  return { id: id ?? "none", type, appUserId, occurredAt: at ?? arrivedAt, key, hasOwnTime: at !== null };
}

type Fixtures = {
  pending: PendingMapping;
  active: ActiveMapping;
  failed: FailedMapping;
  deleting: DeletingMapping;
  deleted: DeletedMapping;
};

/** Returns a mapping in this state, as the product would have written it earlier. */
export function mappingFixture<S extends MappingState>(
  state: S,
  changes: Partial<Fixtures[S]> = {},
): Fixtures[S] {
  const at = new Date("2026-11-22T10:00:10.000Z");
  const base = {
    ...deployment,
    appUserId,
    clientUserId: appUserId,
    generation,
    revision: 21,
    requestedAt: new Date("2026-11-22T10:00:05.000Z"),
    updatedAt: at,
    attempts: 2,
    lastError: { code: "VITAL_UNAVAILABLE", message: "create-user: 502 no reason given", at },
    lastEvent: toStamp(state === "deleting" || state === "deleted" ? "user.deleted" : "user.created"),
    eventKeys: [seenKey],
  };
  const due = { nextSweepAt: at, sweeps: 1 };
  const fixtures: Fixtures = {
    pending: { ...base, ...due, state: "pending" },
    active: { ...base, state: "active", vitalUserId, activatedAt: at },
    failed: { ...base, state: "failed" },
    deleting: { ...base, ...due, state: "deleting", deletingAt: at, vitalUserIdsToDelete: [] },
    deleted: { ...base, state: "deleted", deletedAt: at },
  };
  const mapping: Fixtures[S] = { ...fixtures[state], ...changes };
  Object.freeze(mapping);
  return mapping;
}

/** Whether a write does nothing except store that an event has arrived. */
export const isOnlyRemembered = (before: Mapping | null, next: Mapping | null): boolean =>
  before !== null &&
  next !== null &&
  next !== before &&
  isDeepStrictEqual({ ...next, eventKeys: before.eventKeys, revision: before.revision }, before);

export const states = ["pending", "active", "failed", "deleting", "deleted"] as const;
