import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { waitUntil } from "../support/wait-until.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs `npm run demo` with its own temporary folder, whose path also identifies its processes. */
async function startDemo(args: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), "demo-test-"));
  const { PATH, HOME, VITAL_GATEWAY_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  const env = { PATH, HOME, VITAL_GATEWAY_CACHE_DIR, XDG_CACHE_HOME, TMPDIR: folder };
  const child = spawn("npm", ["run", "--silent", "demo", "--", ...args], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    // A separate process group, as a terminal creates one for each command.
    detached: true,
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await waitUntil(
      "the demo's processes are gone",
      async () => (await listProcesses(folder)).length === 0,
      10_000,
    );
    await rm(folder, { recursive: true, force: true });
  });
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  return { child, folder, output, exited };
}

/** Returns the ids of the processes that have this folder in their environment (Linux only). */
async function listProcesses(folder: string): Promise<string[]> {
  if (platform() !== "linux") return [];
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(
    ids.map((id) => readFile(`/proc/${id}/environ`, "utf8").catch(() => "")),
  );
  return ids.filter((_, index) => environments[index]?.includes(folder));
}

/** Returns the files left in the temporary folder, except the compiler's cache. */
const listLeftovers = async (folder: string) =>
  (await readdir(folder)).filter((name) => !/^(tsx-|node-compile-cache)/.test(name));

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("the demo runs all steps, prints its result as the last line and cleans up", async () => {
  const { folder, output, exited } = await startDemo(["--once", "--json"]);
  const [stdout, stderr] = await output;
  expect(await exited).toEqual([0, null]);
  const result = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
  expect(result).toEqual({
    ok: true,
    appUserId: expect.stringMatching(/^demo-user-/) as string,
    vitalUserId: expect.stringMatching(uuid) as string,
    environment: "SANDBOX",
    region: "US",
    provisionedMs: expect.any(Number) as number,
    tokenMs: expect.any(Number) as number,
    exchanged: true,
  });
  expect(stderr).toContain("All 6 steps passed.");
  expect(stdout + stderr).not.toMatch(/^\s+at |Warning|deprecat|^\{"level"/im);
  expect(await listProcesses(folder)).toEqual([]);
  expect(await listLeftovers(folder)).toEqual([]);
}, 90_000);

test("the demo keeps running, prints a command that works, and cleans up when npm is killed", async () => {
  const { child, folder, exited } = await startDemo([]);
  let stdout = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  await waitUntil("the demo is up", () => stdout.includes("Press Ctrl-C to stop everything"), 60_000);
  const command = stdout.split("\n").find((line) => line.startsWith("curl "));
  const curl = spawn("sh", ["-c", command ?? "false"], { stdio: ["ignore", "pipe", "ignore"] });
  expect(JSON.parse(await text(curl.stdout))).toMatchObject({
    data: { vitalSignInToken: { environment: "SANDBOX", region: "US" } },
  });

  child.kill("SIGKILL");
  await exited;
  const isGone = async () => (await listProcesses(folder)).length === 0;
  await waitUntil("the demo's processes are gone", isGone, 10_000);
  expect(await listLeftovers(folder)).toEqual([]);
}, 90_000);

test("the demo stops and cleans up on Ctrl-C", async () => {
  const { child, folder } = await startDemo([]);
  let stdout = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  await waitUntil("the demo has started", () => stdout.includes("is running on"), 60_000);
  // A terminal sends the signal to the whole process group; npm lets its children handle it.
  process.kill(-(child.pid ?? 0), "SIGINT");
  const isGone = async () => (await listProcesses(folder)).length === 0;
  await waitUntil("the demo's processes are gone", isGone, 15_000);
  expect(await listLeftovers(folder)).toEqual([]);
}, 90_000);

test("a demo that cannot start prints a result with the reason as its last line, and exits with 1", async () => {
  const child = spawn(process.execPath, ["--import", "tsx", "dev/demo.ts", "--once", "--json"], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, MONGODB_URL_FILE: "/nowhere" },
  });
  const [[code], stdout, stderr] = await Promise.all([
    once(child, "exit") as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toEqual({
    ok: false,
    reason: "MONGODB_URL_FILE: names a file that does not exist (ENOENT)",
  });
  expect(stderr).not.toMatch(/^\s+at /m);
}, 60_000);

test("the demo prints its usage for an unknown option, and exits with 2", async () => {
  const { exited, output } = await startDemo(["--twice"]);
  expect((await output)[1]).toContain("Usage: npm run demo");
  expect(await exited).toEqual([2, null]);
}, 60_000);
