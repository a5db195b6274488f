import { describe, expect, test } from "vitest";
import { listAllowedStates } from "./allowed-states.js";
import type { PlannedEvent } from "../load/load-plan.js";

const event = (type: PlannedEvent["type"], second: number): PlannedEvent => ({
  id: `${type}-${second}`,
  type,
  appUserId: "u1",
  occurredAt: new Date(second * 1000),
});
const created = (second: number) => event("user.created", second);
const deleted = (second: number) => event("user.deleted", second);

const endsOf = (
  acknowledged: readonly PlannedEvent[],
  unacknowledged: readonly PlannedEvent[] = [],
  visit: "none" | "asked" | "issued" = "none",
) => [...listAllowedStates([...unacknowledged, ...acknowledged], (one) => acknowledged.includes(one), visit)];

describe("what an app user may come to", () => {
  test("the newest acknowledged event decides, in whatever order they are listed", () => {
    expect(endsOf([deleted(2), created(3), created(1)])).toEqual(["provisioned"]);
    expect(endsOf([created(1), deleted(3), created(2)])).toEqual(["deleted"]);
  });

  test("of two events with the same time the deletion decides", () => {
    expect(endsOf([created(1), deleted(1)])).toEqual(["deleted"]);
    expect(endsOf([deleted(1), created(1)])).toEqual(["deleted"]);
  });

  test("a newer event that nobody acknowledged may count or not", () => {
    expect(endsOf([created(1)], [deleted(2)]).sort()).toEqual(["deleted", "provisioned"]);
  });

  test("an older event that nobody acknowledged changes nothing", () => {
    expect(endsOf([created(2)], [deleted(1)])).toEqual(["provisioned"]);
  });

  test("a request for a token does not outrank a deletion", () => {
    expect(endsOf([deleted(1)], [], "issued")).toEqual(["deleted"]);
  });

  test("without an event, a token that was issued proves a Vital user, a request may have made one", () => {
    expect(endsOf([], [], "issued")).toEqual(["provisioned"]);
    expect(endsOf([], [], "asked").sort()).toEqual(["provisioned", "untouched"]);
    expect(endsOf([], [], "none")).toEqual(["untouched"]);
  });
});
