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

const statesOf = (
  acknowledged: readonly PlannedEvent[],
  unacknowledged: readonly PlannedEvent[] = [],
  tokenRequest: "none" | "sent" | "issued" = "none",
) => [
  ...listAllowedStates(
    [...unacknowledged, ...acknowledged],
    (one) => acknowledged.includes(one),
    tokenRequest,
  ),
];

describe("the final states that an app user may have", () => {
  test("the newest acknowledged event decides, in whatever order they are listed", () => {
    expect(statesOf([deleted(2), created(3), created(1)])).toEqual(["provisioned"]);
    expect(statesOf([created(1), deleted(3), created(2)])).toEqual(["deleted"]);
  });

  test("of two events with the same time the deletion decides", () => {
    expect(statesOf([created(1), deleted(1)])).toEqual(["deleted"]);
    expect(statesOf([deleted(1), created(1)])).toEqual(["deleted"]);
  });

  test("a newer event that was not acknowledged may count or not", () => {
    expect(statesOf([created(1)], [deleted(2)]).sort()).toEqual(["deleted", "provisioned"]);
  });

  test("an older event that was not acknowledged changes nothing", () => {
    expect(statesOf([created(2)], [deleted(1)])).toEqual(["provisioned"]);
  });

  test("a token request does not outrank a deletion", () => {
    expect(statesOf([deleted(1)], [], "issued")).toEqual(["deleted"]);
  });

  test("without an event, an issued token proves that a Vital user exists, and a token request may have created one", () => {
    expect(statesOf([], [], "issued")).toEqual(["provisioned"]);
    expect(statesOf([], [], "sent").sort()).toEqual(["provisioned", "untouched"]);
    expect(statesOf([], [], "none")).toEqual(["untouched"]);
  });
});
