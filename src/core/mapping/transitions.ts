import type { AppUserId } from "./app-user-id.js";
import { addEventKey, hasSeen, isNewer, toStamp, type IncomingEvent } from "./event-order.js";
import {
  isSignedUpAgain,
  type DeletingMapping,
  type Mapping,
  type MappingState,
  type PendingMapping,
} from "./mapping.js";
import {
  addUserToDelete,
  due,
  postpone,
  toActive,
  toDeleting,
  toEndOfDeletion,
  toFailed,
  toPending,
  toRetried,
  waitUntil,
  type Transition,
  type TransitionRules,
} from "./next-mapping.js";
import type { Trigger } from "./trigger.js";
import { after } from "../clock.js";

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
      return waitUntil(mapping, at, settledAt);
    }),
  }),
  "lookup-by-create": ({ generation }) => ({
    ...noChange,
    deleting: ifSameGeneration(generation, (mapping, at, rules) => {
      if (mapping.vitalUserIdsToDelete.length > 0) return mapping;
      const settledAt = after(mapping.deletingAt, rules.settleMs);
      if (at < settledAt) return waitUntil(mapping, at, settledAt);
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
