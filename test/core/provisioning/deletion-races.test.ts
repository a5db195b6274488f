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
  const row = await process.provisioning.provision(ada);
  if (row?.state !== "active") throw new Error("the mapping should be active");
  return row;
}

/** Sweeps until nothing is due any more, moving the clock on to what is. */
async function settle({ clock }: TestContext, process: CoreProcess) {
  for (let round = 0; round < 12; round += 1) {
    clock.advance(settleMs / 4);
    await process.sweep();
  }
}

test("an app user who is deleted loses the Vital user, and the tombstone waits for late creates", async () => {
  const house = await createTestContext();
  const process = house.start();
  const { vitalUserId } = await provisionAda(process);
  await process.record(ada, "user.deleted", 2);
  await process.deprovisioning.deprovision(ada);
  expect(house.vital.live(ada)).toEqual([]);
  expect(await process.find(ada)).toMatchObject({ state: "deleting", vitalUserIdsToDelete: [] });

  house.clock.advance(settleMs - 1);
  expect(await process.sweep()).toBe(0);
  await process.deprovisioning.deprovision(ada);
  expect(await stateOf(process)).toBe("deleting");

  house.clock.advance(1);
  expect(await process.sweep()).toBe(1);
  expect(await stateOf(process)).toBe("deleted");
  expect(deletedIds(house)).toEqual([vitalUserId]);
});

test("a look that was sent too early does not count as late because its answer was slow", async () => {
  const house = await createTestContext();
  const process = house.start();
  await process.record(ada, "user.deleted", 1);
  await process.deprovisioning.deprovision(ada);
  house.clock.advance(settleMs - 1);
  const answer = house.network.holdResponse("findUser");
  const looking = process.deprovisioning.deprovision(ada);
  await answer.reached;
  house.clock.advance(5_000);
  answer.release();
  expect(await looking).toMatchObject({ state: "deleting" });
});

test("a worker that comes back after a deletion and a new signup writes no dead user into the new row", async () => {
  const house = await createTestContext();
  const [slow, other] = [house.start(), house.start()];
  await slow.record(ada, "user.created", 1);
  const answer = house.network.holdResponse("createUser");
  const late = slow.provisioning.provision(ada);
  await answer.reached;
  const [dead] = house.vital.live(ada);

  await other.record(ada, "user.deleted", 2);
  await other.deprovisioning.deprovision(ada);
  await other.record(ada, "user.created", 3);
  const pending = await other.deprovisioning.deprovision(ada);
  expect(pending?.state).toBe("pending");

  // The slow worker sees a pending row again, of another generation, and provisions for that one.
  const create = house.network.holdBeforeCommit("createUser");
  answer.release();
  await create.reached;
  expect(await other.find(ada)).toEqual(pending);
  create.release();
  const row = await late;
  expect(row).toMatchObject({ state: "active" });
  expect(row).not.toMatchObject({ vitalUserId: dead?.vitalUserId });
  expect(house.vital.live(ada)).toEqual([expect.objectContaining({ vitalUserId: vitalUserIdOf(row) })]);
});

test("a create that commits after the deletion has looked is undone by whoever made it", async () => {
  const house = await createTestContext();
  const [slow, other] = [house.start(), house.start()];
  await slow.record(ada, "user.created", 1);
  const create = house.network.holdBeforeCommit("createUser");
  const late = slow.provisioning.provision(ada);
  await create.reached;

  await other.record(ada, "user.deleted", 2);
  await other.deprovisioning.deprovision(ada);
  create.release();
  const row = await late;
  const [made] = house.vital.live(ada);
  expect(row).toMatchObject({ state: "deleting", vitalUserIdsToDelete: [made?.vitalUserId] });
  expect(house.vital.deletes).toEqual([]);

  await settle(house, other);
  expect(await stateOf(other)).toBe("deleted");
  expect(house.vital.live(ada)).toEqual([]);
  expect(deletedIds(house)).toEqual([made?.vitalUserId]);
});

test("a create that commits after our time-out, and after its process died, is found before the tombstone", async () => {
  const house = await createTestContext();
  const process = house.start();
  await process.record(ada, "user.created", 1);
  const create = house.network.commitLate("createUser");
  await expect(process.provisioning.provision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  await process.record(ada, "user.deleted", 2);
  await process.deprovisioning.deprovision(ada);
  expect(await stateOf(process)).toBe("deleting");

  house.clock.advance(settleMs - 1);
  create.commit();
  expect(house.vital.live(ada)).toHaveLength(1);
  await settle(house, house.start());
  expect(await stateOf(process)).toBe("deleted");
  expect(house.vital.live(ada)).toEqual([]);
  expect(house.vital.deletes).toHaveLength(1);
});

test("a worker frozen for longer than any deletion waits still undoes what it made", async () => {
  const house = await createTestContext();
  const [frozen, other] = [house.start(), house.start()];
  await frozen.record(ada, "user.created", 1);
  const create = house.network.holdBeforeCommit("createUser");
  const late = frozen.provisioning.provision(ada);
  await create.reached;
  await other.record(ada, "user.deleted", 2);
  await settle(house, other);
  expect(await stateOf(other)).toBe("deleted");

  create.release();
  expect(await late).toMatchObject({ state: "deleting" });
  await settle(house, other);
  expect(await stateOf(other)).toBe("deleted");
  expect(house.vital.live(ada)).toEqual([]);
});

test("a delete that arrives late hits nobody: the successor has another Vital user", async () => {
  const house = await createTestContext();
  const [slow, other] = [house.start(), house.start()];
  const { vitalUserId } = await provisionAda(slow);
  await slow.record(ada, "user.deleted", 2);
  const deletion = house.network.holdBeforeCommit("deleteUser");
  const late = slow.deprovisioning.deprovision(ada);
  await deletion.reached;

  await other.deprovisioning.deprovision(ada);
  await other.record(ada, "user.created", 3);
  await other.deprovisioning.deprovision(ada);
  const successor = await other.provisioning.provision(ada);
  expect(successor?.state).toBe("active");

  deletion.release();
  expect(await late).toEqual(successor);
  expect(house.vital.live(ada)).toEqual([expect.objectContaining({ vitalUserId: vitalUserIdOf(successor) })]);
  expect(deletedIds(house)).toEqual([vitalUserId, vitalUserId]);
});

test("a look that found a user is not acted upon when a newer signup has adopted that user meanwhile", async () => {
  const house = await createTestContext();
  const [slow, other] = [house.start(), house.start()];
  await slow.record(ada, "user.created", 1);
  const create = house.network.commitLate("createUser");
  await expect(slow.provisioning.provision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  await slow.record(ada, "user.deleted", 2);

  // One look says "nobody", the create commits, the next look says "somebody"; both answers are on their way.
  const nobody = house.network.holdResponse("findUser");
  const first = other.deprovisioning.deprovision(ada);
  await nobody.reached;
  create.commit();
  const somebody = house.network.holdResponse("findUser");
  const second = slow.deprovisioning.deprovision(ada);
  await somebody.reached;

  await other.record(ada, "user.created", 3);
  nobody.release();
  expect(await first).toMatchObject({ state: "pending" });
  const successor = await other.provisioning.provision(ada);
  somebody.release();
  expect(await second).toEqual(successor);
  expect(successor).toMatchObject({ state: "active", vitalUserId: house.vital.live(ada)[0]?.vitalUserId });
  expect(house.vital.deletes).toEqual([]);
});

test("a signup newer than a deletion in progress waits for it, and is provisioned then", async () => {
  const house = await createTestContext();
  const process = house.start();
  const { vitalUserId } = await provisionAda(process);
  await process.record(ada, "user.deleted", 2);
  const deletion = house.network.holdBeforeCommit("deleteUser");
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
  house.clock.advance(sweepGraceMs);
  await process.sweep();
  const row = await process.find(ada);
  expect(row?.state).toBe("active");
  expect(vitalUserIdOf(row)).not.toBe(vitalUserId);
  expect(house.vital.live(ada)).toHaveLength(1);
});

test("a deletion goes on where a dead process left it, at every step", async () => {
  for (const operation of ["findAnyUser", "deleteUser", "findUser"] as const) {
    for (const hold of ["holdBeforeCommit", "holdResponse"] as const) {
      const house = await createTestContext();
      await provisionAda(house.start());
      const doomed = house.start();
      await doomed.record(ada, "user.deleted", 2);
      const { reached } = house.network[hold](operation);
      void doomed.deprovisioning.deprovision(ada);
      await reached;
      // It never gets its answer: the process is dead.
      await settle(house, house.start());
      expect(await house.mappings.find(ada)).toMatchObject({ state: "deleted" });
      expect(house.vital.live(ada)).toEqual([]);
    }
  }
});

test("a deletion that Vital does not answer is tried again later, and counted", async () => {
  const house = await createTestContext();
  const process = house.start();
  await provisionAda(process);
  await process.record(ada, "user.deleted", 2);
  house.network.fail("deleteUser", "unavailable");
  await expect(process.deprovisioning.deprovision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await process.find(ada)).toMatchObject({ state: "deleting", attempts: 1 });
  house.network.loseResponse("deleteUser");
  await expect(process.deprovisioning.deprovision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  await settle(house, process);
  expect(await stateOf(process)).toBe("deleted");
});

test("a deletion that Vital refuses is counted and tried again; one that a closed gate holds up is not", async () => {
  const house = await createTestContext();
  const process = house.start();
  await provisionAda(process);
  await process.record(ada, "user.deleted", 2);
  const before = await process.find(ada);
  house.network.fail("deleteUser", "unavailable", { wasCalled: false, retryAfterMs: 700 });
  await expect(process.deprovisioning.deprovision(ada)).rejects.toMatchObject({ retryAfterMs: 700 });
  expect(await process.find(ada)).toEqual(before);
  house.network.fail("deleteUser", "refused");
  await expect(process.deprovisioning.deprovision(ada)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await process.find(ada)).toMatchObject({ state: "deleting", attempts: 1 });
});

function vitalUserIdOf(row: Awaited<ReturnType<CoreProcess["find"]>>): string | undefined {
  return row?.state === "active" ? row.vitalUserId : undefined;
}
