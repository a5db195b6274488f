import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { countBugs, readLogFiles } from "./log-files.js";

const folder = mkdtempSync(join(tmpdir(), "log-files-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function read(...lines: (string | object)[]) {
  const path = join(folder, "process.log");
  writeFileSync(
    path,
    lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"),
  );
  return readLogFiles([path], ["top-secret"]);
}

test("warnings and errors are counted by phrase and kind of reason, the rest is not", () => {
  const { phrases, strayLines } = read(
    { level: "info", msg: "listening" },
    { level: "warn", msg: "a sweep failed", reason: "no answer from 127.0.0.1:1234" },
    { level: "warn", msg: "a sweep failed", reason: "no answer from 127.0.0.1:99" },
  );
  expect([...phrases]).toEqual([["warn: a sweep failed: no answer from #.#.#.#:#", 2]]);
  expect(strayLines).toEqual([]);
});

test("what nobody had foreseen is a bug, with a reason or without", () => {
  const findings = read(
    { level: "error", msg: "unexpected error in a sweep" },
    { level: "error", msg: "a job failed", reason: "x" },
    { level: "error", msg: "Vital refuses VITAL_API_KEY" },
  );
  expect(countBugs(findings)).toBe(2);
});

test("a line that is not the logger's is the last word of a crash", () => {
  expect(read("TypeError: x is not a function", "    at f (file.js:1:2)").strayLines).toHaveLength(1);
});

test("what a demoted Redis makes Node.js say is no crash, with its stack", () => {
  const what = "MaxListenersExceededWarning: 11 close listeners added to [Socket]. MaxListeners is 10.";
  expect(read(`(node:1) ${what}`, "    at _addListener (node:events:588:17)").strayLines).toEqual([]);
});

test("a secret or a signed token is found wherever it stands", () => {
  const token = `eyJ${"a".repeat(30)}`;
  expect(
    read({ level: "info", msg: "top-secret" }, `crash ${token}`, { level: "info", msg: "" }).secretLines,
  ).toBe(2);
});
