import { expect, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import type { Mapping } from "../../src/core/mapping/mapping.js";
import type { Mappings } from "../../src/mongo/mappings.js";
import { runCli } from "../support/cli/run-cli.js";
import { mappingFixture } from "../support/core/mapping-fixtures.js";
import { openMappings } from "../support/open-mappings.js";

async function setUp() {
  const { mongo, mongodbUrl, mappings } = await openMappings();
  await mappings.indexes.create();
  const retry = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await runCli(["retry", ...args], { MONGODB_URL: mongodbUrl });
    return { exitCode, stdout: stdout.trim(), stderr: stderr.trim() };
  };
  return { mappings, connection: mongo.connection, retry };
}

const toFailed = (appUserId: string, code = "SANDBOX_FULL", at = new Date(Date.now() - 1_000)) =>
  mappingFixture("failed", {
    appUserId: appUserId as AppUserId,
    lastError: { code, message: "refused", at },
  });

/**
 * A worker for which Vital rejects every user: it fails each pending mapping as soon as it is due, and with each of
 * them an app user that has never failed before.
 */
function startRejectingWorker(mappings: Mappings) {
  const failures = new Map<string, number>();
  let newFailures = 0;
  let isStopped = false;

  async function fail(mapping: Mapping): Promise<void> {
    const now = new Date();
    const next = toFailed(mapping.appUserId, "SANDBOX_FULL", now);
    const { requestedAt, generation } = mapping;
    const revision = mapping.revision + 1;
    const isWritten = await mappings.replace(mapping, { ...next, requestedAt, generation, revision });
    if (isWritten) failures.set(mapping.appUserId, (failures.get(mapping.appUserId) ?? 0) + 1);
    const isNew = await mappings.insert({
      ...toFailed(`new ${newFailures++}`, "SANDBOX_FULL", now),
      requestedAt: now,
    });
    expect(isNew).toBe(true);
  }

  async function run(): Promise<void> {
    for (;;) {
      const due = await mappings.listDue(new Date(), 500);
      if (due.length === 0 && isStopped) return;
      await Promise.all(due.map(fail));
    }
  }
  const running = run();

  return {
    failures,
    /** Resolves when no mapping is due any more. */
    async stop(): Promise<void> {
      isStopped = true;
      await running;
    },
  };
}

test("--failed retries what was failed at its start, once each, while a worker fails the same users again", async () => {
  const { mappings, retry } = await setUp();
  const ids = Array.from({ length: 5_000 }, (_, number) => `u${number}`);
  await Promise.all(ids.map((id) => mappings.insert(toFailed(id))));
  const worker = startRejectingWorker(mappings);
  const { exitCode, stdout } = await retry("--failed");
  await worker.stop();
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "5000 set back to pending" });
  // Each failed once more, and none that failed for the first time after the start.
  expect(worker.failures).toEqual(new Map(ids.map((id) => [id, 1])));
  expect(await mappings.countByState()).toMatchObject({ pending: 0, failed: 10_000 });
}, 60_000);

test("--failed retries nothing when nothing is failed", async () => {
  const { retry } = await setUp();
  expect(await retry("--failed")).toMatchObject({ exitCode: 0, stdout: "0 set back to pending" });
});

test("--failed with --code leaves mappings that failed for another reason", async () => {
  const { mappings, retry } = await setUp();
  await Promise.all(
    [toFailed("a"), toFailed("b", "INVALID"), toFailed("c", "INVALID")].map((mapping) =>
      mappings.insert(mapping),
    ),
  );
  expect(await retry("--failed", "--code", "INVALID")).toMatchObject({
    exitCode: 0,
    stdout: "2 set back to pending",
  });
  const states = await Promise.all(["a", "b", "c"].map((id) => mappings.find(id as AppUserId)));
  expect(states.map((mapping) => mapping?.state)).toEqual(["failed", "pending", "pending"]);
});

test("named app users are retried once each, and those that are not failed are listed", async () => {
  const { mappings, retry } = await setUp();
  const failed = toFailed("a|1");
  await mappings.insert(failed);
  await mappings.insert(mappingFixture("active", { appUserId: "b" as AppUserId }));
  expect(await retry("a|1", "a|1", "b", "c")).toMatchObject({
    exitCode: 1,
    stdout: "1 set back to pending\nb is not failed\nc is not failed",
  });
  const retried = await mappings.find(failed.appUserId);
  expect(retried).toMatchObject({
    state: "pending",
    attempts: 0,
    lastError: null,
    environment: failed.environment,
    clientUserId: failed.clientUserId,
    generation: failed.generation + 1,
    revision: failed.revision + 1,
  });
  // No job is added, so the sweeper has to find it immediately.
  expect(await mappings.listDue(new Date(), 10)).toHaveLength(1);
});

test.each([[[]], [["a", "--failed"]], [["a", "--code", "INVALID"]], [["a\nb"]]])(
  "retry %j is wrong usage",
  async (args) => {
    expect(await runCli(["retry", ...args])).toMatchObject({ exitCode: 2, stdout: "" });
  },
);
