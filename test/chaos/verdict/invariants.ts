import { findNewest, listAllowedStates } from "./allowed-states.js";
import type { PlannedEvent } from "../load/load-plan.js";
import type { LedgerEntry } from "../processes/simulated-vital.js";
import type { IssuedToken } from "../load/viewers.js";

/** What is stored of an app user, as far as it is judged. */
export type StoredMapping = { _id: string; state: string; clientUserId: string; vitalUserId?: string };

export const violationKinds = [
  "lost",
  "duplicate users",
  "wrong mappings",
  "wrong tokens",
  "undeleted",
  "stuck",
] as const;

export type ViolationKind = (typeof violationKinds)[number];

export type Violation = { kind: ViolationKind; appUserId: string; detail: string };

export type Evidence = {
  users: ReadonlyMap<string, readonly PlannedEvent[]>;
  /** Ids of the events for which there was a 202, and when the first one came, epoch milliseconds. */
  acknowledged: ReadonlyMap<string, number>;
  asked: ReadonlySet<string>;
  tokens: readonly IssuedToken[];
  mappings: readonly StoredMapping[];
  /** Every Vital user that there ever was. */
  ledger: readonly LedgerEntry[];
  /** Vital users that were deleted at Vital itself. */
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

type Case = {
  appUserId: string;
  events: readonly PlannedEvent[];
  vitalUsers: readonly LedgerEntry[];
  mapping: StoredMapping | undefined;
  allowed: ReturnType<typeof listAllowedStates>;
};

function checkState({ vitalUsers, mapping, allowed }: Case): [ViolationKind, string] | null {
  const live = vitalUsers.filter(({ deletedAt }) => deletedAt === null);
  const [user] = live;
  const expected = `expected ${[...allowed].join(" or ")}`;
  if (live.length > 1) return ["duplicate users", `${live.length} live Vital users`];
  if (mapping === undefined) {
    if (!allowed.has("untouched")) return ["lost", `no mapping, ${expected}`];
    return user === undefined ? null : ["wrong mappings", "a Vital user without a mapping"];
  }
  if (mapping.state === "active") {
    if (!allowed.has("provisioned")) return ["undeleted", `active, ${expected}`];
    if (user === undefined) return ["lost", "active, but the Vital user is gone"];
    return user.vitalUserId === mapping.vitalUserId ? null : ["wrong mappings", "names another Vital user"];
  }
  if (mapping.state !== "deleted") return ["stuck", `still ${mapping.state}, ${expected}`];
  if (!allowed.has("deleted")) return ["lost", `deleted, ${expected}`];
  return user === undefined ? null : ["undeleted", "its Vital user outlives it"];
}

/**
 * Without an event that says so, only somebody at Vital itself may have deleted a Vital user, and each of those makes
 * room for one more. Anything beyond that ran wild on the way, however well it ended.
 */
function checkHistory(
  { events, vitalUsers }: Case,
  deletedAtVital: ReadonlySet<string>,
): [ViolationKind, string] | null {
  if (events.some(({ type }) => type === "user.deleted")) return null;
  const mayBeDeleted = vitalUsers.filter(({ vitalUserId }) => deletedAtVital.has(vitalUserId)).length;
  if (vitalUsers.length <= 1 + mayBeDeleted) return null;
  const after = mayBeDeleted === 0 ? "without a deletion" : `with ${mayBeDeleted} deleted at Vital`;
  return ["duplicate users", `${vitalUsers.length} Vital users one after the other ${after}`];
}

/** When the deletion was acknowledged that nothing else outranks, epoch milliseconds; `Infinity` where none was. */
function toFinalDeletionAt(
  events: readonly PlannedEvent[],
  acknowledged: ReadonlyMap<string, number>,
): number {
  const newest = findNewest(events);
  return (newest?.type === "user.deleted" ? acknowledged.get(newest.id) : undefined) ?? Infinity;
}

function checkToken(token: IssuedToken, owner: string | undefined, deletedAt: number): string | null {
  const { appUserId, vitalUserId, isConsistent, askedAt } = token;
  if (owner !== appUserId) return `a token for the Vital user of ${owner ?? "nobody"}`;
  if (!isConsistent) return `a token for another Vital user than the answer says (${vitalUserId})`;
  if (askedAt <= deletedAt) return null;
  return `a token that was asked for ${askedAt - deletedAt} ms after the deletion was acknowledged`;
}

function checkMapping({ _id, clientUserId }: StoredMapping): [ViolationKind, string] | null {
  return clientUserId === _id ? null : ["wrong mappings", "names another client user id"];
}

/** Compares what was acknowledged, what is stored and what Vital has. */
export function findViolations(evidence: Evidence): Violation[] {
  const { users, acknowledged, asked, tokens, ledger, deletedAtVital } = evidence;
  const everOf = groupBy(ledger, ({ clientUserId }) => clientUserId);
  const mappingOf = new Map(evidence.mappings.map((mapping) => [mapping._id, mapping]));
  const ownerOf = new Map(ledger.map(({ vitalUserId, clientUserId }) => [vitalUserId, clientUserId]));
  const served = new Set(tokens.map(({ appUserId }) => appUserId));
  const violations: Violation[] = [];
  const add = (appUserId: string, found: readonly [ViolationKind, string] | null) => {
    if (found !== null) violations.push({ kind: found[0], appUserId, detail: found[1] });
  };

  for (const [appUserId, events] of users) {
    const visit = served.has(appUserId) ? "issued" : asked.has(appUserId) ? "asked" : "none";
    const allowed = listAllowedStates(events, ({ id }) => acknowledged.has(id), visit);
    const vitalUsers = everOf.get(appUserId) ?? [];
    const one: Case = { appUserId, events, vitalUsers, mapping: mappingOf.get(appUserId), allowed };
    add(appUserId, checkState(one));
    add(appUserId, checkHistory(one, deletedAtVital));
  }
  for (const token of tokens) {
    const deletedAt = toFinalDeletionAt(users.get(token.appUserId) ?? [], acknowledged);
    const detail = checkToken(token, ownerOf.get(token.vitalUserId), deletedAt);
    add(token.appUserId, detail === null ? null : ["wrong tokens", detail]);
  }
  for (const appUserId of [...everOf.keys(), ...mappingOf.keys()]) {
    if (!users.has(appUserId)) add(appUserId, ["wrong mappings", "nobody by this id was ever announced"]);
  }
  for (const mapping of evidence.mappings) add(mapping._id, checkMapping(mapping));
  const active = evidence.mappings.filter(({ state }) => state === "active");
  for (const [vitalUserId, sharing] of groupBy(active, (mapping) => mapping.vitalUserId ?? "")) {
    if (sharing.length > 1) add(sharing[0]?._id ?? "", ["wrong mappings", `${vitalUserId} is shared`]);
  }
  return violations;
}
