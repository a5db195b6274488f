import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { waitUntil } from "../../support/wait-until.js";

const script = fileURLToPath(new URL("./cleanup-process.js", import.meta.url));
const forever = ["-e", "setInterval(() => undefined, 1000)"];

/** A process of a run: does nothing, for as long as it is let. */
const startIdler = () => spawn(process.execPath, forever, { stdio: "ignore" });

test("when a run is gone, its processes end, frozen or not, and its folders go, but for what it keeps", async () => {
  const cleanup = spawn(process.execPath, [script], { stdio: ["pipe", "ignore", "inherit"] });
  const [running, frozen, ended] = [startIdler(), startIdler(), startIdler()];
  await Promise.all([running, frozen, ended].map((child) => once(child, "spawn")));
  frozen.kill("SIGSTOP");
  const folder = mkdtempSync(join(tmpdir(), "guarded-"));
  const kept = mkdtempSync(join(tmpdir(), "guarded-"));
  const orders = [
    ...[running, frozen, ended].map(({ pid }) => ({ born: pid })),
    ...[{ gone: ended.pid }, { folder }, { folder: kept }, { keep: kept }],
  ];
  for (const order of orders) cleanup.stdin.write(`${JSON.stringify(order)}\n`);
  cleanup.stdin.end();
  await once(cleanup, "exit");
  await waitUntil("both are gone", () => running.signalCode !== null && frozen.signalCode !== null);
  expect([running.signalCode, frozen.signalCode]).toEqual(["SIGKILL", "SIGKILL"]);
  expect([existsSync(folder), existsSync(kept)]).toEqual([false, true]);
  expect([ended.exitCode, ended.signalCode]).toEqual([null, null]);
  ended.kill("SIGKILL");
  rmSync(kept, { recursive: true });
});
