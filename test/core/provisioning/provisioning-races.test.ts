import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { maxLookupAgeMs } from "../../../src/core/provisioning/provisioning.js";
import { retryRules } from "../../../src/core/provisioning/retry.js";
import { VitalError } from "../../../src/core/vital/vital-error.js";
import { createTestContext } from "../../support/core/test-context.js";
import { sweepGraceMs } from "../../support/core/core-process.js";

const ada = "auth0|ada" as AppUserId;
const bob = "auth0|bob" as AppUserId;

test("workers that provision the same app user at once make one Vital user and agree on it", async () => {
  const house = await createTestContext();
  const workers = Array.from({ length: 8 }, () => house.start());
  await Promise.all(workers.map((worker) => worker.record(ada, "user.created", 1)));
  const rows = await Promise.all(workers.map((worker) => worker.provisioning.provision(ada)));
  const [made] = house.vital.ledger;
  expect(house.vital.ledger).toHaveLength(1);
  for (const row of rows) expect(row).toMatchObject({ state: "active", vitalUserId: made?.vitalUserId });
  expect(new Set(rows.map((row) => row?.revision))).toEqual(new Set([2]));
});

test("a process that dies between Vital's answer and the write leaves one user to the next one", async () => {
  const house = await createTestContext();
  const doomed = house.start();
  await doomed.record(ada, "user.created", 1);
  const { reached } = house.network.holdResponse("createUser");
  void doomed.provisioning.provision(ada);
  await reached;
  expect(await house.mappings.find(ada)).toMatchObject({ state: "pending" });

  house.clock.advance(sweepGraceMs);
  await house.start().sweep();
  const [made] = house.vital.ledger;
  expect(await house.mappings.find(ada)).toMatchObject({ state: "active", vitalUserId: made?.vitalUserId });
  expect(house.vital.ledger).toHaveLength(1);
});

test("a create whose answer was lost is repeated, and finds the user that it made", async () => {
  const house = await createTestContext();
  const process = house.start();
  await process.record(ada, "user.created", 1);
  house.network.loseResponse("createUser");
  const failure = await process.provisioning.provision(ada).catch((error: unknown) => error);
  expect(failure).toMatchObject({ kind: "unavailable", retryAfterMs: 250 });
  // A sweeper comes later than the job's own retry: it is there for the case that the job is lost.
  const nextSweepAt = new Date(house.clock.now().getTime() + 250 + 5_000);
  expect(await process.find(ada)).toMatchObject({ state: "pending", attempts: 1, nextSweepAt });
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "active", attempts: 1 });
  expect(house.vital.ledger).toHaveLength(1);
});

test("a sweep in between does not spoil a create that is under way", async () => {
  const house = await createTestContext();
  const [slow, sweeping] = [house.start(), house.start()];
  await slow.record(ada, "user.created", 1);
  const answer = house.network.holdResponse("createUser");
  const late = slow.provisioning.provision(ada);
  await answer.reached;
  house.clock.advance(sweepGraceMs);
  house.network.fail("createUser", "throttled");
  await sweeping.sweep();
  expect(await sweeping.find(ada)).toMatchObject({ state: "pending", sweeps: 1 });
  answer.release();
  expect(await late).toMatchObject({ state: "active" });
});

test("a look-up that grew too old is repeated, and a deletion in between stops the create", async () => {
  const house = await createTestContext();
  const [slow, other] = [house.start(), house.start()];
  await slow.record(ada, "user.created", 1);
  const look = house.network.holdBeforeCommit("findAnyUser");
  const late = slow.provisioning.provision(ada);
  await look.reached;
  await other.record(ada, "user.deleted", 2);
  house.clock.advance(maxLookupAgeMs + 1);
  look.release();
  expect(await late).toMatchObject({ state: "deleting" });
  expect(house.vital.calls).not.toContain("createUser");
});

test("a look-up that grew too old is repeated, and goes on where nothing has changed", async () => {
  const house = await createTestContext();
  const process = house.start();
  await process.record(ada, "user.created", 1);
  const seen = await process.find(ada);
  const seenAt = house.clock.now();
  house.clock.advance(maxLookupAgeMs + 1);
  expect(await process.provisioning.provision(ada, seen, seenAt)).toMatchObject({ state: "active" });
});

test("what Vital refuses is left to a person, until somebody asks again", async () => {
  const house = await createTestContext();
  const process = house.start();
  await process.record(ada, "user.created", 1);
  house.network.fail("createUser", "refused");
  const failed = await process.provisioning.provision(ada);
  expect(failed).toMatchObject({ state: "failed", lastError: { code: "VITAL_REFUSED" } });
  expect(await process.provisioning.provision(ada)).toEqual(failed);
  expect(house.vital.calls.filter((call) => call === "createUser")).toHaveLength(1);
  await process.writer.apply(ada, { type: "retried" });
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "active" });
});

test("waiting for a window or for another key costs no attempt", async () => {
  const house = await createTestContext();
  const process = house.start();
  await process.record(ada, "user.created", 1);
  const before = await process.find(ada);
  for (const kind of ["throttled", "credentials_refused"] as const) {
    house.network.fail("createUser", kind, { retryAfterMs: 7_000 });
    await expect(process.provisioning.provision(ada)).rejects.toMatchObject({ kind, retryAfterMs: 7_000 });
  }
  expect(await process.find(ada)).toEqual(before);
});

test("a mapping that has been failing for days is given to a person, by an answer of Vital and not by a closed gate", async () => {
  const house = await createTestContext();
  const process = house.start();
  await process.record(ada, "user.created", 1);
  const waits: unknown[] = [];
  for (let attempt = 0; attempt <= retryRules.minAttempts; attempt += 1) {
    house.network.fail("createUser", "unavailable");
    const failure = await process.provisioning.provision(ada).catch((error: unknown) => error as VitalError);
    waits.push(failure instanceof VitalError && failure.retryAfterMs);
  }
  expect(waits.slice(0, 8)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  house.clock.advance(retryRules.maxAgeMs + 1);
  const before = await process.find(ada);
  house.network.fail("createUser", "unavailable", { wasCalled: false, retryAfterMs: 700 });
  await expect(process.provisioning.provision(ada)).rejects.toMatchObject({ retryAfterMs: 700 });
  expect(await process.find(ada)).toEqual(before);
  house.network.fail("createUser", "unavailable");
  expect(await process.provisioning.provision(ada)).toMatchObject({
    state: "failed",
    lastError: { code: "GAVE_UP" },
  });
});

test("a mapping that could not be tried for days is not given up at the first failure", async () => {
  const house = await createTestContext();
  const process = house.start();
  await process.record(ada, "user.created", 1);
  house.clock.advance(retryRules.maxAgeMs + 1);
  house.network.fail("createUser", "unavailable");
  await expect(process.provisioning.provision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "active" });
});

test("one app user's trouble is nobody else's", async () => {
  const house = await createTestContext();
  const process = house.start();
  await Promise.all([process.record(ada, "user.created", 1), process.record(bob, "user.created", 1)]);
  house.network.fail("createUser", "refused");
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "failed" });
  expect(await process.provisioning.provision(bob)).toMatchObject({ state: "active" });
});
