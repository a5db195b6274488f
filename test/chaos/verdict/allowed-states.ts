import type { PlannedEvent } from "../load/load-plan.js";

export type FinalState = "provisioned" | "deleted" | "untouched";

/** By the sender's clock; of two with the same time the deletion is the newer one. */
function isNewer(one: PlannedEvent, other: PlannedEvent): boolean {
  const ahead = one.occurredAt.getTime() - other.occurredAt.getTime();
  return ahead > 0 || (ahead === 0 && one.type === "user.deleted" && other.type === "user.created");
}

/** The event that no other one outranks, `undefined` where there is none. */
export const findNewest = (events: readonly PlannedEvent[]): PlannedEvent | undefined =>
  events.find((event) => !events.some((other) => isNewer(other, event)));

const toFinalState = ({ type }: PlannedEvent): FinalState =>
  type === "user.created" ? "provisioned" : "deleted";

/**
 * The states in which an app user may be at rest. The newest acknowledged event decides; one that nobody acknowledged
 * may have been taken all the same. Without any, a request for a token provisions: surely when it was answered with
 * one, perhaps otherwise.
 */
export function listAllowedStates(
  events: readonly PlannedEvent[],
  isAcknowledged: (event: PlannedEvent) => boolean,
  visit: "none" | "asked" | "issued",
): ReadonlySet<FinalState> {
  const newest = findNewest(events.filter(isAcknowledged));
  const perhaps = events.filter(
    (event) => !isAcknowledged(event) && (newest === undefined || isNewer(event, newest)),
  );
  const states = new Set(perhaps.map(toFinalState));
  if (newest !== undefined) return states.add(toFinalState(newest));
  if (visit !== "none") states.add("provisioned");
  if (visit !== "issued") states.add("untouched");
  return states;
}
