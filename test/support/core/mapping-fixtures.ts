import type { AppUserId, VitalUserId } from "../../../src/core/mapping/app-user-id.js";
import type {
  ActiveMapping,
  DeletedMapping,
  DeletingMapping,
  EventStamp,
  FailedMapping,
  MappingState,
  PendingMapping,
} from "../../../src/core/mapping/mapping.js";
import type { SignupEventType } from "../../../src/core/mapping/signup-event.js";
import { deployment } from "./memory-store.js";

export const appUserId = "auth0|ada" as AppUserId;
export const vitalUserId = "11111111-1111-4111-8111-111111111111" as VitalUserId;
export const otherVitalUserId = "22222222-2222-4222-8222-222222222222" as VitalUserId;

/** The time of the newest event of every fixture. */
export const lastEventAt = new Date("2026-11-22T10:00:00.000Z");
export const generation = 7;

export const toEvent = (type: SignupEventType, at = lastEventAt): EventStamp => ({ id: "evt_1", type, at });

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
    lastEvent: toEvent(state === "deleting" || state === "deleted" ? "user.deleted" : "user.created"),
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

export const states = ["pending", "active", "failed", "deleting", "deleted"] as const;
