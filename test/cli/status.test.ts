import { expect, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { runCli } from "../support/cli/run-cli.js";
import { mappingFixture } from "../support/core/mapping-fixtures.js";
import { openMappings } from "../support/open-mappings.js";

const toId = (text: string) => text as AppUserId;

async function setUp() {
  const { mongodbUrl, mappings } = await openMappings();
  await mappings.indexes.create();
  const status = async (...args: string[]) => {
    const { exitCode, stdout } = await runCli(["status", ...args], { MONGODB_URL: mongodbUrl });
    return { exitCode, stdout };
  };
  return { mappings, status };
}

const unknownPath = {
  code: "VITAL_UNKNOWN_PATH",
  message: "resolve-user: 404 Not Found",
  at: new Date("2026-11-26T10:00:00.000Z"),
};

test("status shows the oldest deletion and how many deletions fail, with the code", async () => {
  const { mappings, status } = await setUp();
  const requestedAt = new Date(Date.now() - 3_600_000);
  for (const name of ["d1", "d2"]) {
    const appUserId = toId(name);
    await mappings.insert(mappingFixture("deleting", { appUserId, requestedAt, lastError: unknownPath }));
  }
  await mappings.insert(
    mappingFixture("deleting", { appUserId: toId("d3"), lastError: null, requestedAt: new Date() }),
  );

  const { exitCode, stdout } = await status();
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^deleting +3$/m);
  expect(Number(/^oldest deleting (\d+) s$/m.exec(stdout)?.[1])).toBeGreaterThanOrEqual(3_600);
  expect(stdout).toContain("deleting, last attempt failed with VITAL_UNKNOWN_PATH: 2");

  const json = JSON.parse((await status("--json")).stdout) as Record<string, unknown>;
  expect(json.failures).toEqual({ deleting: { VITAL_UNKNOWN_PATH: 2 } });
  expect(json.oldestDeletingSeconds).toBeGreaterThanOrEqual(3_600);
  expect(json.oldestPendingSeconds).toBe(0);
});

test("status of one app user shows the last error, the attempts and the time of the next one", async () => {
  const { mappings, status } = await setUp();
  const appUserId = toId("tenants/7/ada");
  const nextSweepAt = new Date("2026-11-26T10:05:00.000Z");
  await mappings.insert(
    mappingFixture("deleting", { appUserId, attempts: 31, lastError: unknownPath, nextSweepAt }),
  );
  const { exitCode, stdout } = await status(appUserId);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^attempts +31$/m);
  expect(stdout).toMatch(/^nextSweepAt +2026-11-26T10:05:00\.000Z$/m);
  expect(stdout).toMatch(/^lastError .*VITAL_UNKNOWN_PATH.*resolve-user: 404 Not Found/m);
});
