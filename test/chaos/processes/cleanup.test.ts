import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { waitUntil } from "../../support/wait-until.js";
import type { CleanupCommand } from "./cleanup.js";

const script = fileURLToPath(new URL("./cleanup-process.js", import.meta.url));
const idle = ["-e", "setInterval(() => undefined, 1000)"];

/** Starts a process that does nothing until it is killed. */
const startIdleProcess = () => spawn(process.execPath, idle, { stdio: "ignore" });
const pidOf = ({ pid }: { pid?: number | undefined }) => pid ?? 0;

test("after a run its processes are killed, frozen or not, and its folders are removed unless it keeps them", async () => {
  const cleanup = spawn(process.execPath, [script], { stdio: ["pipe", "ignore", "inherit"] });
  const [running, frozen, unregistered] = [startIdleProcess(), startIdleProcess(), startIdleProcess()];
  await Promise.all([running, frozen, unregistered].map((child) => once(child, "spawn")));
  frozen.kill("SIGSTOP");
  const folder = mkdtempSync(join(tmpdir(), "cleanup-"));
  const kept = mkdtempSync(join(tmpdir(), "cleanup-"));
  const commands: CleanupCommand[] = [
    ...[running, frozen, unregistered].map((child) => ({ addProcess: pidOf(child) })),
    { removeProcess: pidOf(unregistered) },
    { addFolder: folder },
    { addFolder: kept },
    { keepFolder: kept },
  ];
  for (const command of commands) cleanup.stdin.write(`${JSON.stringify(command)}\n`);
  cleanup.stdin.end();
  await once(cleanup, "exit");
  await waitUntil("both are killed", () => running.signalCode !== null && frozen.signalCode !== null);
  expect([running.signalCode, frozen.signalCode]).toEqual(["SIGKILL", "SIGKILL"]);
  expect([existsSync(folder), existsSync(kept)]).toEqual([false, true]);
  expect([unregistered.exitCode, unregistered.signalCode]).toEqual([null, null]);
  unregistered.kill("SIGKILL");
  rmSync(kept, { recursive: true });
});
