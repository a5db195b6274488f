import { listAllowedEnds } from "./expected-end.js";
import type { PlannedEvent } from "./population.js";
import type { LedgerEntry } from "./vital-side.js";
import type { IssuedToken } from "./viewers.js";

/** What is stored of an app user, as far as it is judged. */
export type StoredMapping = { _id: string; state: string; vitalUserId?: string };

export type Finding = "lost" | "duplicate users" | "wrong mappings" | "wrong tokens" | "undeleted" | "stuck";

export type Problem = { finding: Finding; appUserId: string; detail: string };

export type Evidence = {
  users: ReadonlyMap<string, readonly PlannedEvent[]>;
  acknowledged: ReadonlySet<string>;
  asked: ReadonlySet<string>;
  tokens: readonly IssuedToken[];
  mappings: readonly StoredMapping[];
  /** Every Vital user that there ever was. */
  ledger: readonly LedgerEntry[];
  /** Vital users that were deleted at Vital itself. */
  deletedUpstream: ReadonlySet<string>;
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
  ever: readonly LedgerEntry[];
  mapping: StoredMapping | undefined;
  allowed: ReturnType<typeof listAllowedEnds>;
};

function judgeState({ ever, mapping, allowed }: Case): [Finding, string] | null {
  const live = ever.filter(({ deletedAt }) => deletedAt === null);
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

/** Nobody deleted anything, and still there were several users: something ran wild on the way. */
function judgeHistory(
  { events, ever }: Case,
  deletedUpstream: ReadonlySet<string>,
): [Finding, string] | null {
  const mayBeDeleted =
    events.some(({ type }) => type === "user.deleted") ||
    ever.some(({ vitalUserId }) => deletedUpstream.has(vitalUserId));
  if (mayBeDeleted || ever.length <= 1) return null;
  return ["duplicate users", `${ever.length} Vital users one after the other without a deletion`];
}

function judgeToken({ appUserId, vitalUserId, isConsistent }: IssuedToken, owner: string | undefined) {
  if (owner !== appUserId) return `a token for the Vital user of ${owner ?? "nobody"}`;
  return isConsistent ? null : `a token for another Vital user than the answer says (${vitalUserId})`;
}

/** Compares what was acknowledged, what is stored and what Vital has. */
export function judge(evidence: Evidence): Problem[] {
  const { users, acknowledged, asked, tokens, ledger, deletedUpstream } = evidence;
  const everOf = groupBy(ledger, ({ clientUserId }) => clientUserId);
  const mappingOf = new Map(evidence.mappings.map((mapping) => [mapping._id, mapping]));
  const ownerOf = new Map(ledger.map(({ vitalUserId, clientUserId }) => [vitalUserId, clientUserId]));
  const served = new Set(tokens.map(({ appUserId }) => appUserId));
  const problems: Problem[] = [];
  const add = (appUserId: string, found: readonly [Finding, string] | null) => {
    if (found !== null) problems.push({ finding: found[0], appUserId, detail: found[1] });
  };

  for (const [appUserId, events] of users) {
    const visit = served.has(appUserId) ? "issued" : asked.has(appUserId) ? "asked" : "none";
    const allowed = listAllowedEnds(events, ({ id }) => acknowledged.has(id), visit);
    const ever = everOf.get(appUserId) ?? [];
    const one: Case = { appUserId, events, ever, mapping: mappingOf.get(appUserId), allowed };
    add(appUserId, judgeState(one));
    add(appUserId, judgeHistory(one, deletedUpstream));
  }
  for (const token of tokens) {
    const detail = judgeToken(token, ownerOf.get(token.vitalUserId));
    add(token.appUserId, detail === null ? null : ["wrong tokens", detail]);
  }
  for (const appUserId of [...everOf.keys(), ...mappingOf.keys()]) {
    if (!users.has(appUserId)) add(appUserId, ["wrong mappings", "nobody by this id was ever announced"]);
  }
  const active = evidence.mappings.filter(({ state }) => state === "active");
  for (const [vitalUserId, sharing] of groupBy(active, (mapping) => mapping.vitalUserId ?? "")) {
    if (sharing.length > 1) add(sharing[0]?._id ?? "", ["wrong mappings", `${vitalUserId} is shared`]);
  }
  return problems;
}
