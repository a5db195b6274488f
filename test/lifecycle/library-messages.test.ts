import { expect, onTestFinished, test } from "vitest";
import { logLibraryMessages } from "../../src/lifecycle/library-messages.js";
import type { Logger } from "../../src/telemetry/logger.js";
import { createRecordingLog } from "../support/recording-log.js";

function setUp({ isStarted = true } = {}) {
  const { warn, error } = console;
  onTestFinished(() => void Object.assign(console, { warn, error }));
  const { log, lines } = createRecordingLog();
  let current: Logger | undefined = isStarted ? log : undefined;
  const flush = logLibraryMessages(() => current);
  const start = () => {
    current = log;
    flush();
  };
  return { start, reasons: () => lines.map(({ level, fields }) => [level, fields.reason]) };
}

test("what a library prints is one warning with its first line, without the stack", () => {
  const { reasons } = setUp();
  console.error("[ioredis] Unhandled error event:", new Error("WRONGPASS invalid password"));
  expect(reasons()).toEqual([["warn", "[ioredis] Unhandled error event: Error: WRONGPASS invalid password"]]);
});

test("a message that a library repeats is logged once, also when it ends differently", () => {
  const { reasons } = setUp();
  const beginning = "Skipping the ready check because INFO command fails: NOPERM this user";
  for (let at = 0; at < 1_000; at++) console.warn(`${beginning} ${String(at)}`);
  console.warn("another message");
  expect(reasons()).toEqual([
    ["warn", `${beginning} 0`],
    ["warn", "another message"],
  ]);
});

test("a message printed before the process has a log is logged when it has one", () => {
  const { start, reasons } = setUp({ isStarted: false });
  console.warn("early");
  expect(reasons()).toEqual([]);
  start();
  expect(reasons()).toEqual([["warn", "early"]]);
});
