import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { createTestContext } from "../../support/core/test-context.js";
import { createLatch } from "../../support/core/fake-network.js";
import { settleMs, type CoreProcess } from "../../support/core/core-process.js";

const ada = "auth0|ada" as AppUserId;
const count = (calls: readonly string[], operation: string) =>
  calls.filter((call) => call === operation).length;

async function provisionAda(process: CoreProcess) {
  await process.record(ada, "user.created", 1);
  const mapping = await process.provisioning.provision(ada);
  if (mapping?.state !== "active") throw new Error("the mapping must be active");
  return mapping;
}

test("a Vital user deleted outside the gateway is created again while its app user waits, with one more call of each kind", async () => {
  const { start, vital } = await createTestContext();
  const process = start();
  const gone = await provisionAda(process);
  vital.deleteInDashboard(ada);
  const before = vital.calls.length;
  const token = await process.signInTokens.issue(ada);
  const [live] = vital.live(ada);
  expect(token).toMatchObject({ vitalUserId: live?.vitalUserId, signInToken: `token-${live?.vitalUserId}` });
  expect(token.vitalUserId).not.toBe(gone.vitalUserId);
  expect(vital.calls.slice(before)).toEqual(["createSignInToken", "createUser", "createSignInToken"]);
});

test("two processes that find the same deleted Vital user create one new user", async () => {
  const { start, vital, network } = await createTestContext();
  const [one, other] = [start(), start()];
  await provisionAda(one);
  await other.signInTokens.issue(ada);
  vital.deleteInDashboard(ada);
  const holds = [network.holdResponse("createSignInToken"), network.holdResponse("createSignInToken")];
  const issued = [one.signInTokens.issue(ada), other.signInTokens.issue(ada)];
  for (const hold of holds) hold.release();
  const tokens = await Promise.all(issued);
  const [live] = vital.live(ada);
  for (const token of tokens) expect(token.vitalUserId).toBe(live?.vitalUserId);
  expect(vital.ledger).toHaveLength(2);
});

test("a late 404 for the old Vital user does not change a mapping that has already been healed", async () => {
  const { start, vital, network, mappings } = await createTestContext();
  const [slow, other] = [start(), start()];
  await provisionAda(slow);
  const call = network.holdBeforeCommit("createSignInToken");
  const late = slow.signInTokens.issue(ada);
  await call.reached;
  vital.deleteInDashboard(ada);
  const { vitalUserId } = await other.signInTokens.issue(ada);
  const healed = await mappings.find(ada);
  call.release();
  expect((await late).vitalUserId).toBe(vitalUserId);
  expect(await mappings.find(ada)).toEqual(healed);
  expect(count(vital.calls, "createUser")).toBe(2);
});

test("a slow worker does not write a deleted Vital user into a mapping that is being healed", async () => {
  const { start, vital, network, mappings } = await createTestContext();
  const [slow, other] = [start(), start()];
  await slow.record(ada, "user.created", 1);
  const response = network.holdResponse("createUser");
  const late = slow.provisioning.provision(ada);
  await response.reached;
  const dead = await other.provisioning.provision(ada);
  vital.deleteInDashboard(ada);
  const create = network.holdBeforeCommit("createUser");
  const healing = other.signInTokens.issue(ada);
  await create.reached;
  const pending = await mappings.find(ada);
  expect(pending?.state).toBe("pending");

  const secondCreate = network.holdBeforeCommit("createUser");
  response.release();
  await secondCreate.reached;
  expect(await mappings.find(ada)).toEqual(pending);
  secondCreate.release();
  create.release();
  const [mapping, token] = await Promise.all([late, healing]);
  expect(mapping).toMatchObject({ state: "active", vitalUserId: token.vitalUserId });
  expect(dead).not.toMatchObject({ vitalUserId: token.vitalUserId });
  expect(vital.live(ada)).toHaveLength(1);
});

test("a 404 because of the gateway's own deletion is not healed, and the error says that the app user was deleted", async () => {
  const { start, vital, network } = await createTestContext();
  const [slow, other] = [start(), start()];
  await provisionAda(slow);
  const call = network.holdBeforeCommit("createSignInToken");
  const late = slow.signInTokens.issue(ada);
  await call.reached;
  await other.record(ada, "user.deleted", 2);
  await other.deprovisioning.deprovision(ada);
  call.release();
  await expect(late).rejects.toMatchObject({ code: "FORBIDDEN", retryable: false });
  await expect(slow.signInTokens.issue(ada)).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(count(vital.calls, "createUser")).toBe(1);
  expect(vital.live(ada)).toEqual([]);
});

test("a Vital user that keeps disappearing is healed once per request", async () => {
  const { start, vital, network } = await createTestContext();
  const process = start();
  await provisionAda(process);
  vital.deleteInDashboard(ada);
  const create = network.holdResponse("createUser");
  const issued = process.signInTokens.issue(ada);
  await create.reached;
  vital.deleteInDashboard(ada);
  const before = count(vital.calls, "createUser");
  create.release();
  await expect(issued).rejects.toMatchObject({ code: "VITAL_UNAVAILABLE", retryable: true });
  expect(count(vital.calls, "createUser")).toBe(before);
  expect((await process.signInTokens.issue(ada)).vitalUserId).toBe(vital.live(ada)[0]?.vitalUserId);
});

test("a process that was frozen during healing reads the mapping again before it creates a user", async () => {
  const { start, vital, mappings, clock } = await createTestContext();
  const other = start();
  await provisionAda(other);
  vital.deleteInDashboard(ada);
  const [written, thaw] = [createLatch(), createLatch()];
  const frozen = start({
    store: {
      ...mappings,
      async replace(seen, next) {
        const isWritten = await mappings.replace(seen, next);
        written.open();
        await thaw.opened;
        return isWritten;
      },
    },
  });
  const issued = frozen.signInTokens.issue(ada);
  await written.opened;
  await other.record(ada, "user.deleted", 2);
  await other.deprovisioning.deprovision(ada);
  clock.advance(settleMs);
  expect(await other.deprovisioning.deprovision(ada)).toMatchObject({ state: "deleted" });
  thaw.open();
  await expect(issued).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(count(vital.calls, "createUser")).toBe(1);
});

test("a process that was frozen while it wrote a viewer's first request reads the mapping again before it creates a user", async () => {
  const { start, vital, mappings, clock } = await createTestContext();
  const other = start();
  const [written, thaw] = [createLatch(), createLatch()];
  const frozen = start({
    store: {
      ...mappings,
      async insert(mapping) {
        const isWritten = await mappings.insert(mapping);
        written.open();
        await thaw.opened;
        return isWritten;
      },
    },
  });
  const issued = frozen.signInTokens.issue(ada);
  await written.opened;
  await other.record(ada, "user.deleted", 2);
  await other.deprovisioning.deprovision(ada);
  clock.advance(settleMs);
  expect(await other.deprovisioning.deprovision(ada)).toMatchObject({ state: "deleted" });
  thaw.open();
  await expect(issued).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(count(vital.calls, "createUser")).toBe(0);
});
