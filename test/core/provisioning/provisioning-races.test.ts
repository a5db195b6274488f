import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { maxLookupAgeMs } from "../../../src/core/provisioning/provisioning.js";
import { retryRules } from "../../../src/core/provisioning/retry.js";
import { VitalError } from "../../../src/core/vital/vital-error.js";
import { createTestContext } from "../../support/core/test-context.js";
import { sweepGraceMs } from "../../support/core/core-process.js";

const ada = "auth0|ada" as AppUserId;
const bob = "auth0|bob" as AppUserId;

test("workers that provision the same app user at the same time create one Vital user and agree on it", async () => {
  const context = await createTestContext();
  const workers = Array.from({ length: 8 }, () => context.start());
  await Promise.all(workers.map((worker) => worker.record(ada, "user.created", 1)));
  const mappings = await Promise.all(workers.map((worker) => worker.provisioning.provision(ada)));
  const [created] = context.vital.ledger;
  expect(context.vital.ledger).toHaveLength(1);
  for (const mapping of mappings)
    expect(mapping).toMatchObject({ state: "active", vitalUserId: created?.vitalUserId });
  expect(new Set(mappings.map((mapping) => mapping?.revision))).toEqual(new Set([2]));
});

test("the user of a process that dies between Vital's response and the write is found by the next process", async () => {
  const context = await createTestContext();
  const dying = context.start();
  await dying.record(ada, "user.created", 1);
  const { reached } = context.network.holdResponse("createUser");
  void dying.provisioning.provision(ada);
  await reached;
  expect(await context.mappings.find(ada)).toMatchObject({ state: "pending" });

  context.clock.advance(sweepGraceMs);
  await context.start().sweep();
  const [created] = context.vital.ledger;
  expect(await context.mappings.find(ada)).toMatchObject({
    state: "active",
    vitalUserId: created?.vitalUserId,
  });
  expect(context.vital.ledger).toHaveLength(1);
});

test("a create whose response was lost is repeated, and finds the user that it created", async () => {
  const context = await createTestContext();
  const process = context.start();
  await process.record(ada, "user.created", 1);
  context.network.loseResponse("createUser");
  const failure = await process.provisioning.provision(ada).catch((error: unknown) => error);
  expect(failure).toMatchObject({ kind: "unavailable", retryAfterMs: 250 });
  // The mapping becomes due later than the job's own retry, because the sweep is only for a lost job.
  const nextSweepAt = new Date(context.clock.now().getTime() + 250 + 5_000);
  expect(await process.find(ada)).toMatchObject({ state: "pending", attempts: 1, nextSweepAt });
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "active", attempts: 1 });
  expect(context.vital.ledger).toHaveLength(1);
});

test("a sweep does not disturb a create that is in flight", async () => {
  const context = await createTestContext();
  const [slow, sweeping] = [context.start(), context.start()];
  await slow.record(ada, "user.created", 1);
  const response = context.network.holdResponse("createUser");
  const late = slow.provisioning.provision(ada);
  await response.reached;
  context.clock.advance(sweepGraceMs);
  context.network.fail("createUser", "throttled");
  await sweeping.sweep();
  expect(await sweeping.find(ada)).toMatchObject({ state: "pending", sweeps: 1 });
  response.release();
  expect(await late).toMatchObject({ state: "active" });
});

test("a lookup that is too old is repeated, and a deletion in between stops the create", async () => {
  const context = await createTestContext();
  const [slow, other] = [context.start(), context.start()];
  await slow.record(ada, "user.created", 1);
  const lookup = context.network.holdBeforeCommit("findAnyUser");
  const late = slow.provisioning.provision(ada);
  await lookup.reached;
  await other.record(ada, "user.deleted", 2);
  context.clock.advance(maxLookupAgeMs + 1);
  lookup.release();
  expect(await late).toMatchObject({ state: "deleting" });
  expect(context.vital.calls).not.toContain("createUser");
});

test("a lookup that is too old is repeated, and provisioning continues when nothing has changed", async () => {
  const context = await createTestContext();
  const process = context.start();
  await process.record(ada, "user.created", 1);
  const seen = await process.find(ada);
  const seenAt = context.clock.now();
  context.clock.advance(maxLookupAgeMs + 1);
  expect(await process.provisioning.provision(ada, seen, seenAt)).toMatchObject({ state: "active" });
});

test("a user that Vital refuses stays failed until an operator retries", async () => {
  const context = await createTestContext();
  const process = context.start();
  await process.record(ada, "user.created", 1);
  context.network.fail("createUser", "refused");
  const failed = await process.provisioning.provision(ada);
  expect(failed).toMatchObject({ state: "failed", lastError: { code: "VITAL_REFUSED" } });
  expect(await process.provisioning.provision(ada)).toEqual(failed);
  expect(context.vital.calls.filter((call) => call === "createUser")).toHaveLength(1);
  await process.writer.apply(ada, { type: "retried" });
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "active" });
});

test("waiting for Vital's rate limit or for another key does not count as an attempt", async () => {
  const context = await createTestContext();
  const process = context.start();
  await process.record(ada, "user.created", 1);
  const before = await process.find(ada);
  for (const kind of ["throttled", "credentials_refused"] as const) {
    context.network.fail("createUser", kind, { retryAfterMs: 7_000 });
    await expect(process.provisioning.provision(ada)).rejects.toMatchObject({ kind, retryAfterMs: 7_000 });
  }
  expect(await process.find(ada)).toEqual(before);
});

test("a mapping that has been failing for days becomes failed by a failed call, and not by an open circuit breaker", async () => {
  const context = await createTestContext();
  const process = context.start();
  await process.record(ada, "user.created", 1);
  const waits: unknown[] = [];
  for (let attempt = 0; attempt <= retryRules.minAttempts; attempt += 1) {
    context.network.fail("createUser", "unavailable");
    const failure = await process.provisioning.provision(ada).catch((error: unknown) => error as VitalError);
    waits.push(failure instanceof VitalError && failure.retryAfterMs);
  }
  expect(waits.slice(0, 8)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  context.clock.advance(retryRules.maxAgeMs + 1);
  const before = await process.find(ada);
  context.network.fail("createUser", "unavailable", { wasCalled: false, retryAfterMs: 700 });
  await expect(process.provisioning.provision(ada)).rejects.toMatchObject({ retryAfterMs: 700 });
  expect(await process.find(ada)).toEqual(before);
  context.network.fail("createUser", "unavailable");
  expect(await process.provisioning.provision(ada)).toMatchObject({
    state: "failed",
    lastError: { code: "GAVE_UP" },
  });
});

test("a mapping that could not be tried for days does not become failed at the first failure", async () => {
  const context = await createTestContext();
  const process = context.start();
  await process.record(ada, "user.created", 1);
  context.clock.advance(retryRules.maxAgeMs + 1);
  context.network.fail("createUser", "unavailable");
  await expect(process.provisioning.provision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "active" });
});

test("one app user's failure does not affect another app user", async () => {
  const context = await createTestContext();
  const process = context.start();
  await Promise.all([process.record(ada, "user.created", 1), process.record(bob, "user.created", 1)]);
  context.network.fail("createUser", "refused");
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "failed" });
  expect(await process.provisioning.provision(bob)).toMatchObject({ state: "active" });
});
