import { after } from "../clock.js";
import type { Deployment } from "../vital/deployment.js";
import type { AppUserId, VitalUserId } from "./app-user-id.js";
import {
  isSignedUpAgain,
  type ActiveMapping,
  type DeletedMapping,
  type DeletingMapping,
  type FailedMapping,
  type Mapping,
  type PendingMapping,
} from "./mapping.js";

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
export type Transition<M extends Mapping> = (mapping: M, at: Date, rules: TransitionRules) => Mapping;

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

/** Returns the fields of a mapping that a sweeper may claim `delayMs` milliseconds after `at`. */
export const due = (at: Date, delayMs: number) => ({ nextSweepAt: after(at, delayMs), sweeps: 0 });

/** Returns the mapping of a user who must be provisioned. Its attempts count from zero. */
export const toPending = (
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

/** Returns the mapping of a user whom Vital knows under `vitalUserId`. */
export const toActive = (mapping: Mapping, at: Date, vitalUserId: VitalUserId): ActiveMapping => ({
  ...carryOver(mapping),
  state: "active",
  vitalUserId,
  activatedAt: at,
  updatedAt: at,
  attempts: mapping.attempts,
  lastError: null,
});

/** Returns a mapping that stays as it is until an event or an operator changes it. */
export const toFailed = (mapping: Mapping, at: Date, code: string, message: string): FailedMapping => ({
  ...carryOver(mapping),
  state: "failed",
  updatedAt: at,
  attempts: mapping.attempts + 1,
  lastError: { code, message, at },
});

/** Returns the mapping of a user whose Vital users must be deleted. Their ids may be incomplete. */
export const toDeleting = (
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

/** Postpones the next step of a deletion until no create that was in flight can commit any more. */
export const waitUntil = (mapping: DeletingMapping, at: Date, settledAt: Date): DeletingMapping => ({
  ...mapping,
  nextSweepAt: settledAt,
  sweeps: 0,
  updatedAt: at,
});

/** Returns the mapping without Vital users: a tombstone, or pending if the user has signed up again. */
export const toEndOfDeletion = (mapping: DeletingMapping, at: Date, rules: TransitionRules): Mapping =>
  isSignedUpAgain(mapping) ? toPending(mapping, at, rules) : toDeleted(mapping, at);

/** Adds a Vital user to delete. The settling time starts again, because another process was still active. */
export const addUserToDelete =
  (vitalUserId: VitalUserId): Transition<DeletingMapping> =>
  (mapping, at, rules) =>
    mapping.vitalUserIdsToDelete.includes(vitalUserId)
      ? mapping
      : toDeleting(mapping, at, rules, [...mapping.vitalUserIdsToDelete, vitalUserId]);

/** Returns a transition that records a failed attempt. The next one is due at `nextSweepAt`. */
export const postpone =
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
