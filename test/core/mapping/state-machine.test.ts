import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Mapping, MappingState } from "../../../src/core/mapping/mapping.js";
import { transition } from "../../../src/core/mapping/transitions.js";
import type { Trigger } from "../../../src/core/mapping/trigger.js";
import {
  appUserId,
  generation,
  mappingFixture,
  otherVitalUserId,
  states,
  toEvent,
  isOnlyRemembered,
  toStamp,
  vitalUserId,
} from "../../support/core/mapping-fixtures.js";
import { rules } from "../../support/core/core-process.js";

type Type = Trigger["type"];
type Column = "no mapping" | MappingState;

const columns: Column[] = ["no mapping", ...states];
const later = new Date("2026-11-22T12:00:00.000Z");
const earlier = new Date("2026-11-22T09:00:00.000Z");
const ofGeneration = (isSame: boolean) => ({ generation: isSame ? generation : generation - 1 });
const reason = { code: "X", message: "no" };

/** One trigger of each type, for which the guard holds or does not hold. */
const examples: { [T in Type]: (guardHolds: boolean) => Extract<Trigger, { type: T }> } = {
  "user-created": (holds) => ({
    type: "user-created",
    event: toEvent("user.created", holds ? later : earlier),
  }),
  "user-deleted": (holds) => ({
    type: "user-deleted",
    event: toEvent("user.deleted", holds ? later : earlier),
  }),
  requested: () => ({ type: "requested" }),
  provisioned: (holds) => ({ type: "provisioned", vitalUserId: otherVitalUserId, ...ofGeneration(holds) }),
  "provisioning-failed": (holds) => ({ type: "provisioning-failed", ...reason, ...ofGeneration(holds) }),
  postponed: (holds) => ({ type: "postponed", ...reason, nextSweepAt: later, ...ofGeneration(holds) }),
  "vital-user-missing": (holds) => ({
    type: "vital-user-missing",
    vitalUserId: holds ? vitalUserId : otherVitalUserId,
  }),
  "vital-user-found": (holds) => ({
    type: "vital-user-found",
    vitalUserId: otherVitalUserId,
    ...ofGeneration(holds),
  }),
  "vital-user-deleted": (holds) => ({ type: "vital-user-deleted", vitalUserId, ...ofGeneration(holds) }),
  "last-vital-user-deleted": (holds) => ({
    type: "last-vital-user-deleted",
    vitalUserId,
    ...ofGeneration(holds),
  }),
  "lookup-by-create": (holds) => ({ type: "lookup-by-create", ...ofGeneration(holds) }),
  "vital-user-not-found": (holds) => ({
    type: "vital-user-not-found",
    askedAt: later,
    ...ofGeneration(holds),
  }),
  retried: () => ({ type: "retried" }),
};
const types = Object.keys(examples) as Type[];

/** For each state, mappings that differ in the fields that the transition table reads. */
const mappingsIn: Record<Column, (Mapping | null)[]> = {
  "no mapping": [null],
  pending: [mappingFixture("pending")],
  active: [mappingFixture("active")],
  failed: [mappingFixture("failed")],
  deleting: [
    mappingFixture("deleting", { vitalUserIdsToDelete: [vitalUserId] }),
    mappingFixture("deleting"),
    mappingFixture("deleting", { lastEvent: toStamp("user.created") }),
    // The lookup was sent before the deletion had settled.
    mappingFixture("deleting", { deletingAt: later }),
  ],
  deleted: [mappingFixture("deleted")],
};

/** What the code does in one cell: the next states, and "stays" when it writes the mapping without changing its state. */
function outcomes(type: Type, column: Column, guardHolds: boolean): string[] {
  const results = mappingsIn[column].flatMap((mapping) => {
    const next = transition(appUserId, mapping, examples[type](guardHolds), later, rules);
    // A late event is remembered, which the document says in one sentence and not in the table.
    if (next === mapping || next === null || isOnlyRemembered(mapping, next)) return [];
    return next.state === mapping?.state ? ["stays"] : [`→ ${next.state}`];
  });
  return [...new Set(results)].sort();
}

const text = readFileSync(new URL("../../../docs/state-machine.md", import.meta.url), "utf8");
const lines = text.split("\n").filter((line) => line.startsWith("|"));
const toCells = (line: string) =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
const headerIndex = lines.findIndex((line) => line.includes("trigger") && line.includes("guard"));
const header = toCells(lines[headerIndex] ?? "");
const tableRows = new Map(
  lines.slice(headerIndex + 2).flatMap((line) => {
    const [name = "", guard = "", ...cells] = toCells(line);
    return cells.length === columns.length ? [[name.replaceAll("`", ""), { guard, cells }] as const] : [];
  }),
);

/** The outcomes that the document names in one cell, in the words of `outcomes`. */
const documented = (cell: string) =>
  [...new Set(cell.match(/→ [a-z]+|\bstays\b/g) ?? [])].sort((a, b) => (a < b ? -1 : 1));

describe("the table in docs/state-machine.md", () => {
  test("has a row for every trigger and a column for every state", () => {
    expect(header.slice(2)).toEqual(columns);
    expect([...tableRows.keys()].sort()).toEqual([...types].sort());
  });

  describe.each(types)("%s", (type) => {
    const { guard, cells } = tableRows.get(type) ?? { guard: "", cells: [] };

    test.each(columns.map((column, index) => [column, cells[index] ?? ""] as const))(
      "on %s: %s",
      (column, cell) => {
        const expected = documented(cell);
        expect(cell === "·").toBe(expected.length === 0);
        expect(outcomes(type, column, true)).toEqual(expected);
        // Without a mapping, a guard has nothing to compare.
        const hasNoGuard = guard === "–" || column === "no mapping" || cell.includes("(any attempt)");
        expect(outcomes(type, column, false)).toEqual(hasNoGuard ? expected : []);
      },
    );
  });
});
