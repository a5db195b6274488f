import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import type { TestContext } from "../../support/core/test-context.js";
import { createTestContext } from "../../support/core/test-context.js";
import { settleMs, sweepGraceMs, type CoreProcess } from "../../support/core/core-process.js";

const ada = "auth0|ada" as AppUserId;
const deletedIds = ({ vital }: TestContext) => vital.deletes.map(({ vitalUserId }) => vitalUserId);
const stateOf = async (process: CoreProcess) => (await process.find(ada))?.state;

async function provisionAda(process: CoreProcess) {
  await process.record(ada, "user.created", 1);
  const mapping = await process.provisioning.provision(ada);
  if (mapping?.state !== "active") throw new Error("the mapping must be active");
  return mapping;
}

/** Advances the clock and sweeps, until nothing is due any more. */
async function settle({ clock }: TestContext, process: CoreProcess) {
  for (let round = 0; round < 12; round += 1) {
    clock.advance(settleMs / 4);
    await process.sweep();
  }
}

test("deleting an app user deletes the Vital user, and the tombstone waits for late creates", async () => {
  const context = await createTestContext();
  const process = context.start();
  const { vitalUserId } = await provisionAda(process);
  await process.record(ada, "user.deleted", 2);
  await process.deprovisioning.deprovision(ada);
  expect(context.vital.live(ada)).toEqual([]);
  expect(await process.find(ada)).toMatchObject({ state: "deleting", vitalUserIdsToDelete: [] });

  context.clock.advance(settleMs - 1);
  expect(await process.sweep()).toBe(0);
  await process.deprovisioning.deprovision(ada);
  expect(await stateOf(process)).toBe("deleting");

  context.clock.advance(1);
  expect(await process.sweep()).toBe(1);
  expect(await stateOf(process)).toBe("deleted");
  expect(deletedIds(context)).toEqual([vitalUserId]);
});

test("a lookup that was sent too early does not count, even when its response arrives after the settling time", async () => {
  const context = await createTestContext();
  const process = context.start();
  await process.record(ada, "user.deleted", 1);
  await process.deprovisioning.deprovision(ada);
  context.clock.advance(settleMs - 1);
  const response = context.network.holdResponse("findUser");
  const deleting = process.deprovisioning.deprovision(ada);
  await response.reached;
  context.clock.advance(5_000);
  response.release();
  expect(await deleting).toMatchObject({ state: "deleting" });
});

test("a worker that continues after a deletion and a new signup does not write a deleted Vital user into the new mapping", async () => {
  const context = await createTestContext();
  const [slow, other] = [context.start(), context.start()];
  await slow.record(ada, "user.created", 1);
  const response = context.network.holdResponse("createUser");
  const late = slow.provisioning.provision(ada);
  await response.reached;
  const [dead] = context.vital.live(ada);

  await other.record(ada, "user.deleted", 2);
  await other.deprovisioning.deprovision(ada);
  await other.record(ada, "user.created", 3);
  const pending = await other.deprovisioning.deprovision(ada);
  expect(pending?.state).toBe("pending");

  // The slow worker finds a pending mapping of another generation, and provisions that one.
  const create = context.network.holdBeforeCommit("createUser");
  response.release();
  await create.reached;
  expect(await other.find(ada)).toEqual(pending);
  create.release();
  const mapping = await late;
  expect(mapping).toMatchObject({ state: "active" });
  expect(mapping).not.toMatchObject({ vitalUserId: dead?.vitalUserId });
  expect(context.vital.live(ada)).toEqual([expect.objectContaining({ vitalUserId: vitalUserIdOf(mapping) })]);
});

test("a create that commits after the deletion's lookup is recorded by the process that sent it, and deleted", async () => {
  const context = await createTestContext();
  const [slow, other] = [context.start(), context.start()];
  await slow.record(ada, "user.created", 1);
  const create = context.network.holdBeforeCommit("createUser");
  const late = slow.provisioning.provision(ada);
  await create.reached;

  await other.record(ada, "user.deleted", 2);
  await other.deprovisioning.deprovision(ada);
  create.release();
  const mapping = await late;
  const [created] = context.vital.live(ada);
  expect(mapping).toMatchObject({ state: "deleting", vitalUserIdsToDelete: [created?.vitalUserId] });
  expect(context.vital.deletes).toEqual([]);

  await settle(context, other);
  expect(await stateOf(other)).toBe("deleted");
  expect(context.vital.live(ada)).toEqual([]);
  expect(deletedIds(context)).toEqual([created?.vitalUserId]);
});

test("a create that commits after the timeout, and after its process died, is found before the tombstone", async () => {
  const context = await createTestContext();
  const process = context.start();
  await process.record(ada, "user.created", 1);
  const create = context.network.commitLate("createUser");
  await expect(process.provisioning.provision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  await process.record(ada, "user.deleted", 2);
  await process.deprovisioning.deprovision(ada);
  expect(await stateOf(process)).toBe("deleting");

  context.clock.advance(settleMs - 1);
  create.commit();
  expect(context.vital.live(ada)).toHaveLength(1);
  await settle(context, context.start());
  expect(await stateOf(process)).toBe("deleted");
  expect(context.vital.live(ada)).toEqual([]);
  expect(context.vital.deletes).toHaveLength(1);
});

test("a user that a worker creates after it was frozen for longer than the settling time is deleted", async () => {
  const context = await createTestContext();
  const [frozen, other] = [context.start(), context.start()];
  await frozen.record(ada, "user.created", 1);
  const create = context.network.holdBeforeCommit("createUser");
  const late = frozen.provisioning.provision(ada);
  await create.reached;
  await other.record(ada, "user.deleted", 2);
  await settle(context, other);
  expect(await stateOf(other)).toBe("deleted");

  create.release();
  expect(await late).toMatchObject({ state: "deleting" });
  await settle(context, other);
  expect(await stateOf(other)).toBe("deleted");
  expect(context.vital.live(ada)).toEqual([]);
});

test("a late delete does not affect a newer signup, which has another Vital user", async () => {
  const context = await createTestContext();
  const [slow, other] = [context.start(), context.start()];
  const { vitalUserId } = await provisionAda(slow);
  await slow.record(ada, "user.deleted", 2);
  const deletion = context.network.holdBeforeCommit("deleteUser");
  const late = slow.deprovisioning.deprovision(ada);
  await deletion.reached;

  await other.deprovisioning.deprovision(ada);
  await other.record(ada, "user.created", 3);
  await other.deprovisioning.deprovision(ada);
  const successor = await other.provisioning.provision(ada);
  expect(successor?.state).toBe("active");

  deletion.release();
  expect(await late).toEqual(successor);
  expect(context.vital.live(ada)).toEqual([
    expect.objectContaining({ vitalUserId: vitalUserIdOf(successor) }),
  ]);
  expect(deletedIds(context)).toEqual([vitalUserId, vitalUserId]);
});

test("a lookup that found a user has no effect when a newer signup has adopted that user", async () => {
  const context = await createTestContext();
  const [slow, other] = [context.start(), context.start()];
  await slow.record(ada, "user.created", 1);
  const create = context.network.commitLate("createUser");
  await expect(slow.provisioning.provision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  await slow.record(ada, "user.deleted", 2);

  // One lookup finds no user, the create commits, the next lookup finds it; both responses are in flight.
  const notFound = context.network.holdResponse("findUser");
  const first = other.deprovisioning.deprovision(ada);
  await notFound.reached;
  create.commit();
  const found = context.network.holdResponse("findUser");
  const second = slow.deprovisioning.deprovision(ada);
  await found.reached;

  await other.record(ada, "user.created", 3);
  notFound.release();
  expect(await first).toMatchObject({ state: "pending" });
  const successor = await other.provisioning.provision(ada);
  found.release();
  expect(await second).toEqual(successor);
  expect(successor).toMatchObject({ state: "active", vitalUserId: context.vital.live(ada)[0]?.vitalUserId });
  expect(context.vital.deletes).toEqual([]);
});

test("a signup newer than a deletion in progress is provisioned after the deletion", async () => {
  const context = await createTestContext();
  const process = context.start();
  const { vitalUserId } = await provisionAda(process);
  await process.record(ada, "user.deleted", 2);
  const deletion = context.network.holdBeforeCommit("deleteUser");
  const deleting = process.deprovisioning.deprovision(ada);
  await deletion.reached;

  await process.record(ada, "user.created", 3);
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "deleting" });
  await expect(process.signInTokens.issue(ada)).rejects.toMatchObject({
    code: "VITAL_UNAVAILABLE",
    retryable: true,
  });
  deletion.release();
  expect(await deleting).toMatchObject({ state: "pending" });
  context.clock.advance(sweepGraceMs);
  await process.sweep();
  const mapping = await process.find(ada);
  expect(mapping?.state).toBe("active");
  expect(vitalUserIdOf(mapping)).not.toBe(vitalUserId);
  expect(context.vital.live(ada)).toHaveLength(1);
});

test("a deletion continues where a dead process stopped, at every step", async () => {
  for (const operation of ["findAnyUser", "deleteUser", "findUser"] as const) {
    for (const hold of ["holdBeforeCommit", "holdResponse"] as const) {
      const context = await createTestContext();
      await provisionAda(context.start());
      const dying = context.start();
      await dying.record(ada, "user.deleted", 2);
      const { reached } = context.network[hold](operation);
      void dying.deprovisioning.deprovision(ada);
      await reached;
      // The process is dead and never gets its response.
      await settle(context, context.start());
      expect(await context.mappings.find(ada)).toMatchObject({ state: "deleted" });
      expect(context.vital.live(ada)).toEqual([]);
    }
  }
});

test("a deletion without a response from Vital is counted and tried again", async () => {
  const context = await createTestContext();
  const process = context.start();
  await provisionAda(process);
  await process.record(ada, "user.deleted", 2);
  context.network.fail("deleteUser", "unavailable");
  await expect(process.deprovisioning.deprovision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await process.find(ada)).toMatchObject({ state: "deleting", attempts: 1 });
  context.network.loseResponse("deleteUser");
  await expect(process.deprovisioning.deprovision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  await settle(context, process);
  expect(await stateOf(process)).toBe("deleted");
});

test("a deletion that Vital refuses is counted and tried again; one that the circuit breaker blocks is not counted", async () => {
  const context = await createTestContext();
  const process = context.start();
  await provisionAda(process);
  await process.record(ada, "user.deleted", 2);
  const before = await process.find(ada);
  context.network.fail("deleteUser", "unavailable", { wasCalled: false, retryAfterMs: 700 });
  await expect(process.deprovisioning.deprovision(ada)).rejects.toMatchObject({ retryAfterMs: 700 });
  expect(await process.find(ada)).toEqual(before);
  context.network.fail("deleteUser", "refused");
  await expect(process.deprovisioning.deprovision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await process.find(ada)).toMatchObject({ state: "deleting", attempts: 1 });
});

function vitalUserIdOf(mapping: Awaited<ReturnType<CoreProcess["find"]>>): string | undefined {
  return mapping?.state === "active" ? mapping.vitalUserId : undefined;
}
