import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Mapping, MappingState } from "../../../src/core/mapping/mapping.js";
import { transition, type Trigger } from "../../../src/core/mapping/transitions.js";
import {
  appUserId,
  generation,
  makeRow,
  otherVitalUserId,
  states,
  toEvent,
  vitalUserId,
} from "../../support/core/mapping-fixtures.js";
import { rules } from "../../support/core/core-process.js";

/** The table of docs/state-machine.md must say what the code does. */
type Type = Trigger["type"];
type Column = "no row" | MappingState;

const columns: Column[] = ["no row", ...states];
const later = new Date("2026-11-22T12:00:00.000Z");
const earlier = new Date("2026-11-22T09:00:00.000Z");
const of = (isSame: boolean) => ({ generation: isSame ? generation : generation - 1 });
const why = { code: "X", message: "no" };

/** Every happening with its guard held (true) or not. */
const examples: { [T in Type]: (isGuardHeld: boolean) => Extract<Trigger, { type: T }> } = {
  "user-created": (isHeld) => ({
    type: "user-created",
    event: toEvent("user.created", isHeld ? later : earlier),
  }),
  "user-deleted": (isHeld) => ({
    type: "user-deleted",
    event: toEvent("user.deleted", isHeld ? later : earlier),
  }),
  requested: () => ({ type: "requested" }),
  provisioned: (isHeld) => ({ type: "provisioned", vitalUserId: otherVitalUserId, ...of(isHeld) }),
  "provisioning-failed": (isHeld) => ({ type: "provisioning-failed", ...why, ...of(isHeld) }),
  postponed: (isHeld) => ({ type: "postponed", ...why, nextSweepAt: later, ...of(isHeld) }),
  "vital-user-missing": (isHeld) => ({
    type: "vital-user-missing",
    vitalUserId: isHeld ? vitalUserId : otherVitalUserId,
  }),
  "vital-user-found": (isHeld) => ({
    type: "vital-user-found",
    vitalUserId: otherVitalUserId,
    ...of(isHeld),
  }),
  "vital-user-deleted": (isHeld) => ({ type: "vital-user-deleted", vitalUserId, ...of(isHeld) }),
  "vital-user-not-found": (isHeld) => ({ type: "vital-user-not-found", askedAt: later, ...of(isHeld) }),
  retried: () => ({ type: "retried" }),
};
const types = Object.keys(examples) as Type[];

/** The rows of one state that differ in what the table of transitions looks at. */
const rowsOf: Record<Column, (Mapping | null)[]> = {
  "no row": [null],
  pending: [makeRow("pending")],
  active: [makeRow("active")],
  failed: [makeRow("failed")],
  deleting: [
    makeRow("deleting", { vitalUserIdsToDelete: [vitalUserId] }),
    makeRow("deleting"),
    makeRow("deleting", { lastEvent: toEvent("user.created") }),
    // The look came before the deletion had settled.
    makeRow("deleting", { deletingAt: later }),
  ],
  deleted: [makeRow("deleted")],
};

/** What the code makes of a cell: the states that the row goes to, "stays" where it is written, nothing else. */
function outcomes(type: Type, column: Column, isGuardHeld: boolean): string[] {
  const results = rowsOf[column].flatMap((row) => {
    const next = transition(appUserId, row, examples[type](isGuardHeld), later, rules);
    if (next === row || next === null) return [];
    return next.state === row?.state ? ["stays"] : [`→ ${next.state}`];
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
const headerIndex = lines.findIndex((line) => line.includes("what happens"));
const header = toCells(lines[headerIndex] ?? "");
const rows = new Map(
  lines.slice(headerIndex + 2).flatMap((line) => {
    const [name = "", guard = "", ...cells] = toCells(line);
    return cells.length === columns.length ? [[name.replaceAll("`", ""), { guard, cells }] as const] : [];
  }),
);

/** What the document says of a cell, in the same words. */
const documented = (cell: string) =>
  [...new Set(cell.match(/→ [a-z]+|\bstays\b/g) ?? [])].sort((a, b) => (a < b ? -1 : 1));

describe("the table in docs/state-machine.md", () => {
  test("has a row for every happening and a column for every state", () => {
    expect(header.slice(2)).toEqual(columns);
    expect([...rows.keys()].sort()).toEqual([...types].sort());
  });

  describe.each(types)("%s", (type) => {
    const { guard, cells } = rows.get(type) ?? { guard: "", cells: [] };

    test.each(columns.map((column, index) => [column, cells[index] ?? ""] as const))(
      "on %s: %s",
      (column, cell) => {
        const held = documented(cell);
        expect(cell === "·").toBe(held.length === 0);
        expect(outcomes(type, column, true)).toEqual(held);
        // Without a row there is nothing that a guard could compare with.
        const asksForNothing = guard === "–" || column === "no row" || cell.includes("(any attempt)");
        expect(outcomes(type, column, false)).toEqual(asksForNothing ? held : []);
      },
    );
  });
});
