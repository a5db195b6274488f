import { findNewest, listAllowedStates } from "./allowed-states.js";
import type { PlannedEvent } from "../load/load-plan.js";
import type { LedgerEntry } from "../processes/simulated-vital.js";
import type { IssuedToken } from "../load/viewers.js";

/** The stored fields of a mapping that the checks use. */
export type StoredMapping = { _id: string; state: string; clientUserId: string; vitalUserId?: string };

export const violationKinds = [
  "lost events",
  "duplicate Vital users",
  "wrong mappings",
  "wrong tokens",
  "undeleted Vital users",
  "stuck mappings",
] as const;

type ViolationKind = (typeof violationKinds)[number];

export type Violation = { kind: ViolationKind; appUserId: string; detail: string };

export type Evidence = {
  users: ReadonlyMap<string, readonly PlannedEvent[]>;
  /** Ids of the events that got a 202, with the time of the first one in epoch milliseconds. */
  acknowledged: ReadonlyMap<string, number>;
  requestedBy: ReadonlySet<string>;
  tokens: readonly IssuedToken[];
  mappings: readonly StoredMapping[];
  /** Every Vital user ever created, deleted ones included. */
  ledger: readonly LedgerEntry[];
  /** Ids of Vital users that were deleted directly at Vital. */
  deletedAtVital: ReadonlySet<string>;
};

function groupBy<T>(list: readonly T[], toKey: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const key = toKey(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

type UserEvidence = {
  appUserId: string;
  events: readonly PlannedEvent[];
  vitalUsers: readonly LedgerEntry[];
  mapping: StoredMapping | undefined;
  allowed: ReturnType<typeof listAllowedStates>;
};

function checkState({ vitalUsers, mapping, allowed }: UserEvidence): [ViolationKind, string] | null {
  const live = vitalUsers.filter(({ deletedAt }) => deletedAt === null);
  const [user] = live;
  const expected = `expected ${[...allowed].join(" or ")}`;
  if (live.length > 1) return ["duplicate Vital users", `${live.length} live Vital users`];
  if (mapping === undefined) {
    if (!allowed.has("untouched")) return ["lost events", `no mapping, ${expected}`];
    return user === undefined ? null : ["wrong mappings", "a Vital user without a mapping"];
  }
  if (mapping.state === "active") {
    if (!allowed.has("provisioned")) return ["undeleted Vital users", `active, ${expected}`];
    if (user === undefined) return ["lost events", "active, but the Vital user is deleted"];
    return user.vitalUserId === mapping.vitalUserId ? null : ["wrong mappings", "names another Vital user"];
  }
  if (mapping.state !== "deleted") return ["stuck mappings", `still ${mapping.state}, ${expected}`];
  if (!allowed.has("deleted")) return ["lost events", `deleted, ${expected}`];
  return user === undefined ? null : ["undeleted Vital users", "deleted, but the Vital user still exists"];
}

/**
 * Without a deletion event, Vital users can only have been deleted directly at Vital, and each of these deletions allows for one
 * more Vital user. Any further Vital users are duplicates, even if all but one were deleted later.
 */
function checkHistory(
  { events, vitalUsers }: UserEvidence,
  deletedAtVital: ReadonlySet<string>,
): [ViolationKind, string] | null {
  if (events.some(({ type }) => type === "user.deleted")) return null;
  const mayBeDeleted = vitalUsers.filter(({ vitalUserId }) => deletedAtVital.has(vitalUserId)).length;
  if (vitalUsers.length <= 1 + mayBeDeleted) return null;
  const deletions = mayBeDeleted === 0 ? "without a deletion" : `with ${mayBeDeleted} deleted at Vital`;
  return ["duplicate Vital users", `${vitalUsers.length} Vital users over time ${deletions}`];
}

/** Returns when the final deletion was acknowledged, in epoch milliseconds, or `Infinity` if there is none. */
function toFinalDeletionAt(
  events: readonly PlannedEvent[],
  acknowledged: ReadonlyMap<string, number>,
): number {
  const newest = findNewest(events);
  return (newest?.type === "user.deleted" ? acknowledged.get(newest.id) : undefined) ?? Infinity;
}

function checkToken(token: IssuedToken, owner: string | undefined, deletedAt: number): string | null {
  const { appUserId, vitalUserId, isConsistent, requestedAt } = token;
  if (owner !== appUserId) return `the token is for a Vital user of ${owner ?? "no app user"}`;
  if (!isConsistent) return `the token is for another Vital user than the response says (${vitalUserId})`;
  if (requestedAt <= deletedAt) return null;
  return `the token was requested ${requestedAt - deletedAt} ms after the deletion was acknowledged`;
}

function checkMapping({ _id, clientUserId }: StoredMapping): [ViolationKind, string] | null {
  return clientUserId === _id ? null : ["wrong mappings", "names another client user id"];
}

/** Compares the acknowledged events, the stored mappings, the issued tokens and the Vital users. */
export function findViolations(evidence: Evidence): Violation[] {
  const { users, acknowledged, requestedBy, tokens, ledger, deletedAtVital } = evidence;
  const vitalUsersOf = groupBy(ledger, ({ clientUserId }) => clientUserId);
  const mappingOf = new Map(evidence.mappings.map((mapping) => [mapping._id, mapping]));
  const ownerOf = new Map(ledger.map(({ vitalUserId, clientUserId }) => [vitalUserId, clientUserId]));
  const served = new Set(tokens.map(({ appUserId }) => appUserId));
  const violations: Violation[] = [];
  const add = (appUserId: string, found: readonly [ViolationKind, string] | null) => {
    if (found !== null) violations.push({ kind: found[0], appUserId, detail: found[1] });
  };

  for (const [appUserId, events] of users) {
    const tokenRequest = served.has(appUserId) ? "issued" : requestedBy.has(appUserId) ? "sent" : "none";
    const allowed = listAllowedStates(events, ({ id }) => acknowledged.has(id), tokenRequest);
    const vitalUsers = vitalUsersOf.get(appUserId) ?? [];
    const user: UserEvidence = { appUserId, events, vitalUsers, mapping: mappingOf.get(appUserId), allowed };
    add(appUserId, checkState(user));
    add(appUserId, checkHistory(user, deletedAtVital));
  }
  for (const token of tokens) {
    const deletedAt = toFinalDeletionAt(users.get(token.appUserId) ?? [], acknowledged);
    const detail = checkToken(token, ownerOf.get(token.vitalUserId), deletedAt);
    add(token.appUserId, detail === null ? null : ["wrong tokens", detail]);
  }
  for (const appUserId of [...vitalUsersOf.keys(), ...mappingOf.keys()]) {
    if (!users.has(appUserId)) add(appUserId, ["wrong mappings", "no app user of the run has this id"]);
  }
  for (const mapping of evidence.mappings) add(mapping._id, checkMapping(mapping));
  const active = evidence.mappings.filter(({ state }) => state === "active");
  for (const [vitalUserId, sharing] of groupBy(active, (mapping) => mapping.vitalUserId ?? "")) {
    if (sharing.length > 1)
      add(sharing[0]?._id ?? "", ["wrong mappings", `${vitalUserId} is shared with another mapping`]);
  }
  return violations;
}
