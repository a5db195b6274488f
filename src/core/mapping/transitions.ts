import type { AppUserId, VitalUserId } from "./app-user-id.js";
import {
  isSignedUpAgain,
  type ActiveMapping,
  type DeletedMapping,
  type DeletingMapping,
  type FailedMapping,
  type Mapping,
  type MappingState,
  type PendingMapping,
} from "./mapping.js";
import { addEventKey, hasSeen, isNewer, toStamp, type IncomingEvent } from "./event-order.js";
import { after } from "../clock.js";
import type { Deployment } from "../vital/deployment.js";

/**
 * What can happen to a mapping. `generation` is the mapping's generation when the attempt started: if the mapping has
 * changed since then, the result of the attempt must have no effect.
 */
export type Trigger =
  /** A signup service reports that the app user signed up. */
  | { type: "user-created"; event: IncomingEvent }
  /** A signup service reports that the app user was deleted. */
  | { type: "user-deleted"; event: IncomingEvent }
  /** A viewer needs the Vital user, and no event has announced the app user. */
  | { type: "requested" }
  /** Vital created the user, or responded that it exists. */
  | { type: "provisioned"; vitalUserId: VitalUserId; generation: number }
  /** Vital refused to create the user and would refuse again, or creating it has failed for too long. */
  | { type: "provisioning-failed"; code: string; message: string; generation: number }
  /** An attempt failed, and a later one may succeed. */
  | { type: "postponed"; code: string; message: string; generation: number; nextSweepAt: Date }
  /** The Vital user of an active mapping does not exist at Vital. */
  | { type: "vital-user-missing"; vitalUserId: VitalUserId }
  /** A lookup at Vital found a user that must be deleted. */
  | { type: "vital-user-found"; vitalUserId: VitalUserId; generation: number }
  /** Vital confirmed that a user to be deleted no longer exists. */
  | { type: "vital-user-deleted"; vitalUserId: VitalUserId; generation: number }
  /** The same for the only user with its client user id, while no create can be in flight. */
  | { type: "last-vital-user-deleted"; vitalUserId: VitalUserId; generation: number }
  /** A lookup at Vital, sent at `askedAt`, found no user with this client user id. */
  | { type: "vital-user-not-found"; askedAt: Date; generation: number }
  /** A deletion is about to look up the client user id with a create, because no path can carry the id. */
  | { type: "lookup-by-create"; generation: number }
  /** An operator asks for another attempt on a failed mapping. */
  | { type: "retried" };

export type TransitionRules = {
  deployment: Deployment;
  toClientUserId: (appUserId: AppUserId) => string;
  /** How long the job of a mapping has before a sweeper claims the mapping, milliseconds. */
  sweepGraceMs: number;
  /**
   * How long after a deletion a create that was in flight may still commit at Vital, milliseconds: the maximum age of
   * a lookup, plus the timeout of the call that it leads to, plus a margin.
   */
  settleMs: number;
};

/** One cell of the table: returns the mapping after the trigger, or the same object when nothing changes. */
type Transition<M extends Mapping> = (mapping: M, at: Date, rules: TransitionRules) => Mapping;
type TransitionsFor<T extends Trigger> = (trigger: T) => {
  [S in MappingState]: Transition<Extract<Mapping, { state: S }>>;
};
type TransitionTable = { [T in Trigger["type"]]: TransitionsFor<Extract<Trigger, { type: T }>> };

const unchanged = <M extends Mapping>(mapping: M): M => mapping;

/**
 * Only an event newer than all earlier ones may change a mapping. A late event is only remembered, so that it cannot
 * change the mapping when it arrives again with a later time. A repeated event changes nothing.
 */
const ifNewer =
  <M extends Mapping>(event: IncomingEvent, next: Transition<M>): Transition<M> =>
  (mapping, at, rules) => {
    if (hasSeen(mapping, event)) return mapping;
    const remembering = { ...mapping, eventKeys: addEventKey(mapping, event) };
    const stamp = toStamp(event, mapping.lastEvent);
    if (!isNewer(stamp, mapping.lastEvent)) return remembering;
    return next({ ...remembering, lastEvent: stamp, updatedAt: at }, at, rules);
  };

/** The result of an attempt counts only for the generation that the attempt started from. */
const ifSameGeneration =
  <M extends Mapping>(generation: number, next: Transition<M>): Transition<M> =>
  (mapping, at, rules) =>
    mapping.generation === generation ? next(mapping, at, rules) : mapping;

/** Returns the fields that every transition keeps, with the next generation. */
function carryOver(mapping: Mapping) {
  const { appUserId, clientUserId, environment, region, requestedAt, revision } = mapping;
  const { lastEvent, eventKeys } = mapping;
  const generation = mapping.generation + 1;
  return {
    appUserId,
    clientUserId,
    environment,
    region,
    requestedAt,
    lastEvent,
    eventKeys,
    revision,
    generation,
  };
}

const due = (at: Date, delayMs: number) => ({ nextSweepAt: after(at, delayMs), sweeps: 0 });

const toPending = (
  mapping: Mapping,
  at: Date,
  rules: Pick<TransitionRules, "sweepGraceMs">,
): PendingMapping => ({
  ...carryOver(mapping),
  state: "pending",
  requestedAt: at,
  updatedAt: at,
  attempts: 0,
  lastError: null,
  ...due(at, rules.sweepGraceMs),
});

/** Changes a failed mapping to pending. It is due immediately, because no job is added for it. */
export const toRetried = (mapping: FailedMapping, at: Date): PendingMapping =>
  toPending(mapping, at, { sweepGraceMs: 0 });

const toActive = (mapping: Mapping, at: Date, vitalUserId: VitalUserId): ActiveMapping => ({
  ...carryOver(mapping),
  state: "active",
  vitalUserId,
  activatedAt: at,
  updatedAt: at,
  attempts: mapping.attempts,
  lastError: null,
});

const toFailed = (mapping: Mapping, at: Date, code: string, message: string): FailedMapping => ({
  ...carryOver(mapping),
  state: "failed",
  updatedAt: at,
  attempts: mapping.attempts + 1,
  lastError: { code, message, at },
});

const toDeleting = (
  mapping: Mapping,
  at: Date,
  rules: TransitionRules,
  vitalUserIdsToDelete: readonly VitalUserId[],
): DeletingMapping => ({
  ...carryOver(mapping),
  state: "deleting",
  // While a deletion goes on, it keeps the time at which it was requested.
  requestedAt: mapping.state === "deleting" ? mapping.requestedAt : at,
  deletingAt: at,
  vitalUserIdsToDelete,
  updatedAt: at,
  attempts: 0,
  lastError: null,
  ...due(at, rules.sweepGraceMs),
});

const toDeleted = (mapping: DeletingMapping, at: Date): DeletedMapping => ({
  ...carryOver(mapping),
  state: "deleted",
  deletedAt: at,
  updatedAt: at,
  attempts: mapping.attempts,
  lastError: null,
});

const toEndOfDeletion = (mapping: DeletingMapping, at: Date, rules: TransitionRules): Mapping =>
  isSignedUpAgain(mapping) ? toPending(mapping, at, rules) : toDeleted(mapping, at);

/** Adds a Vital user to delete. The settling time starts again, because another process was still active. */
const addUserToDelete =
  (vitalUserId: VitalUserId): Transition<DeletingMapping> =>
  (mapping, at, rules) =>
    mapping.vitalUserIdsToDelete.includes(vitalUserId)
      ? mapping
      : toDeleting(mapping, at, rules, [...mapping.vitalUserIdsToDelete, vitalUserId]);

const postpone =
  <M extends PendingMapping | DeletingMapping>(
    code: string,
    message: string,
    nextSweepAt: Date,
  ): Transition<M> =>
  (mapping, at) => ({
    ...mapping,
    attempts: mapping.attempts + 1,
    lastError: { code, message, at },
    nextSweepAt,
    sweeps: 0,
    updatedAt: at,
  });

const noChange = {
  pending: unchanged,
  active: unchanged,
  failed: unchanged,
  deleting: unchanged,
  deleted: unchanged,
};

/**
 * Every transition, by trigger and state. A cell returns the mapping to write, or the same object when nothing changes.
 * `docs/state-machine.md` shows the same table.
 */
const table: TransitionTable = {
  "user-created": ({ event }) => ({
    pending: ifNewer(event, unchanged),
    active: ifNewer(event, unchanged),
    failed: ifNewer(event, toPending),
    // The mapping stores the event. When its Vital users are deleted, it becomes pending instead of deleted.
    deleting: ifNewer(event, unchanged),
    deleted: ifNewer(event, toPending),
  }),
  "user-deleted": ({ event }) => ({
    pending: ifNewer(event, (mapping, at, rules) => toDeleting(mapping, at, rules, [])),
    active: ifNewer(event, (mapping, at, rules) => toDeleting(mapping, at, rules, [mapping.vitalUserId])),
    failed: ifNewer(event, (mapping, at, rules) => toDeleting(mapping, at, rules, [])),
    deleting: ifNewer(event, unchanged),
    deleted: ifNewer(event, unchanged),
  }),
  requested: () => noChange,
  provisioned: ({ vitalUserId, generation }) => ({
    ...noChange,
    pending: ifSameGeneration(generation, (mapping, at) => toActive(mapping, at, vitalUserId)),
    // The create committed at Vital after the deletion's lookup: this user must be deleted too.
    deleting: addUserToDelete(vitalUserId),
    deleted: (mapping, at, rules) => toDeleting(mapping, at, rules, [vitalUserId]),
  }),
  "provisioning-failed": ({ code, message, generation }) => ({
    ...noChange,
    pending: ifSameGeneration(generation, (mapping, at) => toFailed(mapping, at, code, message)),
  }),
  postponed: ({ code, message, generation, nextSweepAt }) => ({
    ...noChange,
    pending: ifSameGeneration(generation, postpone(code, message, nextSweepAt)),
    deleting: ifSameGeneration(generation, postpone(code, message, nextSweepAt)),
  }),
  "vital-user-missing": ({ vitalUserId }) => ({
    ...noChange,
    active: (mapping, at, rules) =>
      mapping.vitalUserId === vitalUserId ? toPending(mapping, at, rules) : mapping,
  }),
  "vital-user-found": ({ vitalUserId, generation }) => ({
    ...noChange,
    deleting: ifSameGeneration(generation, addUserToDelete(vitalUserId)),
  }),
  "vital-user-deleted": ({ vitalUserId, generation }) => ({
    ...noChange,
    deleting: ifSameGeneration(generation, (mapping, at) => ({
      ...mapping,
      generation: mapping.generation + 1,
      vitalUserIdsToDelete: mapping.vitalUserIdsToDelete.filter((id) => id !== vitalUserId),
      updatedAt: at,
    })),
  }),
  "last-vital-user-deleted": ({ vitalUserId, generation }) => ({
    ...noChange,
    deleting: ifSameGeneration(generation, (mapping, at, rules) =>
      mapping.vitalUserIdsToDelete.some((id) => id !== vitalUserId)
        ? mapping
        : toEndOfDeletion(mapping, at, rules),
    ),
  }),
  "vital-user-not-found": ({ askedAt, generation }) => ({
    ...noChange,
    deleting: ifSameGeneration(generation, (mapping, at, rules) => {
      if (mapping.vitalUserIdsToDelete.length > 0) return mapping;
      const settledAt = after(mapping.deletingAt, rules.settleMs);
      // No need to wait: a create still in flight has the same client user id as the new one, so Vital keeps one user.
      if (isSignedUpAgain(mapping) || askedAt >= settledAt) return toEndOfDeletion(mapping, at, rules);
      return { ...mapping, nextSweepAt: settledAt, sweeps: 0, updatedAt: at };
    }),
  }),
  "lookup-by-create": ({ generation }) => ({
    ...noChange,
    deleting: ifSameGeneration(generation, (mapping, at, rules) => {
      if (mapping.vitalUserIdsToDelete.length > 0) return mapping;
      const settledAt = after(mapping.deletingAt, rules.settleMs);
      if (at < settledAt) return { ...mapping, nextSweepAt: settledAt, sweeps: 0, updatedAt: at };
      // The settling time starts again, because the lookup is itself a create, and its response may be lost.
      const { attempts, lastError } = mapping;
      return { ...toDeleting(mapping, at, rules, []), attempts, lastError };
    }),
  }),
  retried: () => ({ ...noChange, failed: toRetried }),
};

/** Returns the first mapping of an app user, or `null` when the trigger needs an existing mapping. */
function createFirstMapping(
  appUserId: AppUserId,
  trigger: Trigger,
  at: Date,
  rules: TransitionRules,
): PendingMapping | DeletingMapping | null {
  const initial = {
    ...rules.deployment,
    appUserId,
    clientUserId: rules.toClientUserId(appUserId),
    generation: 1,
    revision: 1,
    requestedAt: at,
    updatedAt: at,
    attempts: 0,
    lastError: null,
    ...due(at, rules.sweepGraceMs),
  };
  if (trigger.type === "requested") return { ...initial, state: "pending", lastEvent: null, eventKeys: [] };
  if (trigger.type !== "user-created" && trigger.type !== "user-deleted") return null;
  const { event } = trigger;
  const seen = { lastEvent: toStamp(event, null), eventKeys: [event.key] };
  if (trigger.type === "user-created") return { ...initial, ...seen, state: "pending" };
  // A Vital user may exist without a mapping: the deletion looks it up before it leaves a tombstone.
  return { ...initial, ...seen, state: "deleting", deletingAt: at, vitalUserIdsToDelete: [] };
}

/**
 * Decides what a mapping becomes. This pure function returns the mapping to write by compare-and-set, the same object
 * when nothing changes, or `null` when no mapping exists and the trigger creates none.
 */
export function transition(
  appUserId: AppUserId,
  mapping: Mapping | null,
  trigger: Trigger,
  at: Date,
  rules: TransitionRules,
): Mapping | null {
  if (mapping === null) return createFirstMapping(appUserId, trigger, at, rules);
  const transitions = (table[trigger.type] as TransitionsFor<Trigger>)(trigger);
  return (transitions[mapping.state] as Transition<Mapping>)(mapping, at, rules);
}
