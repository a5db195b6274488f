import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { expectedErrors, readLogFiles } from "./log-files.js";

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

test("warnings and errors are counted by message and kind of reason, other lines are not", () => {
  const { messages, unexpectedErrors, strayLines } = read(
    { level: "info", msg: "listening" },
    { level: "warn", msg: "a sweep failed", reason: "no response from 127.0.0.1:1234" },
    { level: "warn", msg: "a sweep failed", reason: "no response from 127.0.0.1:99" },
  );
  expect([...messages]).toEqual([["warn: a sweep failed: no response from #.#.#.#:#", 2]]);
  expect(unexpectedErrors).toBe(0);
  expect(strayLines).toEqual([]);
});

test("every error is unexpected, with or without a reason, unless a fault of the run causes it", () => {
  const { unexpectedErrors } = read(
    { level: "error", msg: "unexpected error in a sweep" },
    { level: "error", msg: "a job failed", reason: "x" },
    { level: "fatal", msg: "anything" },
    ...expectedErrors.map((msg) => ({ level: "error", msg })),
  );
  expect(unexpectedErrors).toBe(3);
});

test("the product logs each of the expected errors", () => {
  const sources = ["src", "workers"].flatMap((name) => {
    const root = fileURLToPath(new URL(`../../../${name}/`, import.meta.url));
    return readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(join(root, file), "utf8"));
  });
  for (const message of expectedErrors) {
    expect(
      sources.some((source) => source.includes(`"${message}"`)),
      message,
    ).toBe(true);
  }
});

test("a line that is not in the logger's format is the output of a crash", () => {
  expect(read("TypeError: x is not a function", "    at f (file.js:1:2)").strayLines).toHaveLength(1);
});

test("the warning of Node.js that a demoted Redis causes is not a crash, with or without its stack", () => {
  const what = "MaxListenersExceededWarning: 11 close listeners added to [Socket]. MaxListeners is 10.";
  expect(read(`(node:1) ${what}`, "    at _addListener (node:events:588:17)").strayLines).toEqual([]);
});

test("a secret or a signed token is found anywhere in a line", () => {
  const token = `eyJ${"a".repeat(30)}`;
  expect(
    read({ level: "info", msg: "top-secret" }, `crash ${token}`, { level: "info", msg: "" }).secretLines,
  ).toBe(2);
});
