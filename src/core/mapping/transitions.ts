import type { AppUserId, VitalUserId } from "./app-user-id.js";
import {
  isSignedUpAgain,
  type ActiveMapping,
  type DeletedMapping,
  type DeletingMapping,
  type EventStamp,
  type FailedMapping,
  type Mapping,
  type MappingState,
  type PendingMapping,
} from "./mapping.js";
import type { Deployment } from "../vital/deployment.js";

/**
 * What can happen to a mapping. `generation` names the row that an attempt was begun for: an attempt that comes back
 * after the mapping went on without it must not land.
 */
export type Trigger =
  /** A signup service says that the app user signed up. */
  | { type: "user-created"; event: EventStamp }
  /** A signup service says that the app user was deleted. */
  | { type: "user-deleted"; event: EventStamp }
  /** A viewer, or an operator, asks for the Vital user without an event. */
  | { type: "requested" }
  /** Vital created the user, or answered that it exists. */
  | { type: "provisioned"; vitalUserId: VitalUserId; generation: number }
  /** Vital refuses to create the user, and will again. */
  | { type: "provisioning-failed"; code: string; message: string; generation: number }
  /** An attempt failed in a way that may pass. */
  | { type: "postponed"; code: string; message: string; generation: number; nextSweepAt: Date }
  /** Vital does not know the user that an active mapping names. */
  | { type: "vital-user-missing"; vitalUserId: VitalUserId }
  /** A look at Vital found a user that must not be there. */
  | { type: "vital-user-found"; vitalUserId: VitalUserId; generation: number }
  /** Vital confirms that a doomed user is gone. */
  | { type: "vital-user-deleted"; vitalUserId: VitalUserId; generation: number }
  /** Asked at `askedAt`, Vital knew no user by this client user id. */
  | { type: "vital-user-not-found"; askedAt: Date; generation: number }
  /** An operator wants a failed mapping tried again. */
  | { type: "retried" };

export type TransitionRules = {
  team: Deployment;
  toClientUserId: (appUserId: AppUserId) => string;
  /** How long a sweeper leaves a row alone that a job has just been added for, milliseconds. */
  sweepGraceMs: number;
  /**
   * How long after a deletion a create that was on its way may still commit at Vital, milliseconds: the age a look-up
   * may have, plus the time-out of the call it leads to, plus a margin.
   */
  settleMs: number;
};

/** The row after the happening; the row itself when the happening changes nothing. */
type Step<M extends Mapping> = (mapping: M, at: Date, rules: TransitionRules) => Mapping;
type StepOf<H extends Trigger> = (trigger: H) => {
  [S in MappingState]: Step<Extract<Mapping, { state: S }>>;
};
type Table = { [T in Trigger["type"]]: StepOf<Extract<Trigger, { type: T }>> };

const keep = <M extends Mapping>(mapping: M): M => mapping;

/** Events are ordered by their instants; of two with the same one, the deletion wins. */
function isNewer(event: EventStamp, last: EventStamp | null): boolean {
  if (last === null) return true;
  const ahead = event.at.getTime() - last.at.getTime();
  return ahead > 0 || (ahead === 0 && event.type === "user.deleted" && last.type === "user.created");
}

/** Only an event newer than all seen before may change a row; anything older is late or repeated. */
const ifNewer =
  <M extends Mapping>(event: EventStamp, step: Step<M>): Step<M> =>
  (mapping, at, rules) =>
    isNewer(event, mapping.lastEvent)
      ? step({ ...mapping, lastEvent: event, updatedAt: at }, at, rules)
      : mapping;

/** An attempt may only land on the row that it was begun for. */
const ifSame =
  <M extends Mapping>(generation: number, step: Step<M>): Step<M> =>
  (mapping, at, rules) =>
    mapping.generation === generation ? step(mapping, at, rules) : mapping;

/** What a row takes along into its next generation. */
function base(mapping: Mapping) {
  const { appUserId, clientUserId, environment, region, requestedAt, lastEvent, revision } = mapping;
  const generation = mapping.generation + 1;
  return { appUserId, clientUserId, environment, region, requestedAt, lastEvent, revision, generation };
}

const due = (at: Date, delayMs: number) => ({ nextSweepAt: new Date(at.getTime() + delayMs), sweeps: 0 });

const toPending = (mapping: Mapping, at: Date, rules: TransitionRules): PendingMapping => ({
  ...base(mapping),
  state: "pending",
  requestedAt: at,
  updatedAt: at,
  attempts: 0,
  lastError: null,
  ...due(at, rules.sweepGraceMs),
});

const toActive = (mapping: Mapping, at: Date, vitalUserId: VitalUserId): ActiveMapping => ({
  ...base(mapping),
  state: "active",
  vitalUserId,
  activatedAt: at,
  updatedAt: at,
  attempts: mapping.attempts,
  lastError: null,
});

const toFailed = (mapping: Mapping, at: Date, code: string, message: string): FailedMapping => ({
  ...base(mapping),
  state: "failed",
  updatedAt: at,
  attempts: mapping.attempts + 1,
  lastError: { code, message, at },
});

const toDeleting = (
  mapping: Mapping,
  at: Date,
  rules: TransitionRules,
  doomed: readonly VitalUserId[],
): DeletingMapping => ({
  ...base(mapping),
  state: "deleting",
  deletingAt: at,
  vitalUserIdsToDelete: doomed,
  updatedAt: at,
  attempts: 0,
  lastError: null,
  ...due(at, rules.sweepGraceMs),
});

const toDeleted = (mapping: DeletingMapping, at: Date): DeletedMapping => ({
  ...base(mapping),
  state: "deleted",
  deletedAt: at,
  updatedAt: at,
  attempts: mapping.attempts,
  lastError: null,
});

/** Dooms one more Vital user; the clock of the deletion starts anew, since somebody was still at work. */
const doom =
  (vitalUserId: VitalUserId): Step<DeletingMapping> =>
  (mapping, at, rules) =>
    mapping.vitalUserIdsToDelete.includes(vitalUserId)
      ? mapping
      : toDeleting(mapping, at, rules, [...mapping.vitalUserIdsToDelete, vitalUserId]);

const postpone =
  <M extends PendingMapping | DeletingMapping>(code: string, message: string, nextSweepAt: Date): Step<M> =>
  (mapping, at) => ({
    ...mapping,
    attempts: mapping.attempts + 1,
    lastError: { code, message, at },
    nextSweepAt,
    sweeps: 0,
    updatedAt: at,
  });

const unaffected = { pending: keep, active: keep, failed: keep, deleting: keep, deleted: keep };

/**
 * The life of a mapping, whole: what happens (rows) in which state (columns). A cell gives the row as it is to be
 * written, or the same row when nothing is to be done.
 */
const table: Table = {
  "user-created": ({ event }) => ({
    pending: ifNewer(event, keep),
    active: ifNewer(event, keep),
    failed: ifNewer(event, toPending),
    // The newest event stands in the row: when the doomed user is gone, the row becomes pending, not deleted.
    deleting: ifNewer(event, keep),
    deleted: ifNewer(event, toPending),
  }),
  "user-deleted": ({ event }) => ({
    pending: ifNewer(event, (mapping, at, rules) => toDeleting(mapping, at, rules, [])),
    active: ifNewer(event, (mapping, at, rules) => toDeleting(mapping, at, rules, [mapping.vitalUserId])),
    failed: ifNewer(event, (mapping, at, rules) => toDeleting(mapping, at, rules, [])),
    deleting: ifNewer(event, keep),
    deleted: ifNewer(event, keep),
  }),
  requested: () => unaffected,
  provisioned: ({ vitalUserId, generation }) => ({
    ...unaffected,
    pending: ifSame(generation, (mapping, at) => toActive(mapping, at, vitalUserId)),
    // The create committed at Vital after the deletion had looked there: what it made must go too.
    deleting: doom(vitalUserId),
    deleted: (mapping, at, rules) => toDeleting(mapping, at, rules, [vitalUserId]),
  }),
  "provisioning-failed": ({ code, message, generation }) => ({
    ...unaffected,
    pending: ifSame(generation, (mapping, at) => toFailed(mapping, at, code, message)),
  }),
  postponed: ({ code, message, generation, nextSweepAt }) => ({
    ...unaffected,
    pending: ifSame(generation, postpone(code, message, nextSweepAt)),
    deleting: ifSame(generation, postpone(code, message, nextSweepAt)),
  }),
  "vital-user-missing": ({ vitalUserId }) => ({
    ...unaffected,
    active: (mapping, at, rules) =>
      mapping.vitalUserId === vitalUserId ? toPending(mapping, at, rules) : mapping,
  }),
  "vital-user-found": ({ vitalUserId, generation }) => ({
    ...unaffected,
    deleting: ifSame(generation, doom(vitalUserId)),
  }),
  "vital-user-deleted": ({ vitalUserId, generation }) => ({
    ...unaffected,
    deleting: ifSame(generation, (mapping, at) => ({
      ...mapping,
      generation: mapping.generation + 1,
      vitalUserIdsToDelete: mapping.vitalUserIdsToDelete.filter((id) => id !== vitalUserId),
      updatedAt: at,
    })),
  }),
  "vital-user-not-found": ({ askedAt, generation }) => ({
    ...unaffected,
    deleting: ifSame(generation, (mapping, at, rules) => {
      if (mapping.vitalUserIdsToDelete.length > 0) return mapping;
      // Safe at once: a create still on its way and the new one have the same client user id, so Vital keeps one.
      if (isSignedUpAgain(mapping)) return toPending(mapping, at, rules);
      const settledAt = new Date(mapping.deletingAt.getTime() + rules.settleMs);
      if (askedAt >= settledAt) return toDeleted(mapping, at);
      return { ...mapping, nextSweepAt: settledAt, sweeps: 0, updatedAt: at };
    }),
  }),
  retried: () => ({ ...unaffected, failed: toPending }),
};

/** The first row of an app user; a happening that presupposes a row makes none. */
function firstRow(
  appUserId: AppUserId,
  trigger: Trigger,
  at: Date,
  rules: TransitionRules,
): PendingMapping | DeletingMapping | null {
  const blank = {
    ...rules.team,
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
  if (trigger.type === "requested") return { ...blank, state: "pending", lastEvent: null };
  if (trigger.type === "user-created") return { ...blank, state: "pending", lastEvent: trigger.event };
  // A Vital user may exist without a row of ours: the deletion looks before it leaves its tombstone.
  if (trigger.type === "user-deleted") {
    return {
      ...blank,
      state: "deleting",
      lastEvent: trigger.event,
      deletingAt: at,
      vitalUserIdsToDelete: [],
    };
  }
  return null;
}

/**
 * Says what a mapping becomes. Pure: takes the row (or `null` where there is none), what happened and when, and gives
 * the row to be written by compare-and-set, the very same object where nothing changes, or `null` where there is and
 * will be no row.
 */
export function transition(
  appUserId: AppUserId,
  mapping: Mapping | null,
  trigger: Trigger,
  at: Date,
  rules: TransitionRules,
): Mapping | null {
  if (mapping === null) return firstRow(appUserId, trigger, at, rules);
  const steps = (table[trigger.type] as StepOf<Trigger>)(trigger);
  return (steps[mapping.state] as Step<Mapping>)(mapping, at, rules);
}
