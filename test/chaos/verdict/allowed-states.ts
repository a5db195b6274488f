import type { PlannedEvent } from "../load/load-plan.js";

export type FinalState = "provisioned" | "deleted" | "untouched";

/** Compares by the sender's clock; of two events with the same time the deletion is the newer one. */
function isNewer(one: PlannedEvent, other: PlannedEvent): boolean {
  const aheadMs = one.occurredAt.getTime() - other.occurredAt.getTime();
  return aheadMs > 0 || (aheadMs === 0 && one.type === "user.deleted" && other.type === "user.created");
}

/** Returns the newest event, or `undefined` if there is none. */
export const findNewest = (events: readonly PlannedEvent[]): PlannedEvent | undefined =>
  events.find((event) => !events.some((other) => isNewer(other, event)));

const toFinalState = ({ type }: PlannedEvent): FinalState =>
  type === "user.created" ? "provisioned" : "deleted";

/**
 * Returns the states that an app user may be in when everything is settled. The newest acknowledged event decides. A
 * newer event that was not acknowledged may have been stored anyway. Without any acknowledged event, a token request
 * certainly provisioned the app user if a token was issued, and possibly if not.
 */
export function listAllowedStates(
  events: readonly PlannedEvent[],
  isAcknowledged: (event: PlannedEvent) => boolean,
  tokenRequest: "none" | "sent" | "issued",
): ReadonlySet<FinalState> {
  const newest = findNewest(events.filter(isAcknowledged));
  const maybeStored = events.filter(
    (event) => !isAcknowledged(event) && (newest === undefined || isNewer(event, newest)),
  );
  const states = new Set(maybeStored.map(toFinalState));
  if (newest !== undefined) return states.add(toFinalState(newest));
  if (tokenRequest !== "none") states.add("provisioned");
  if (tokenRequest !== "issued") states.add("untouched");
  return states;
}
