import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import type { ProvisioningFailure } from "../../../src/core/provisioning/failures.js";
import { createTestContext } from "../../support/core/test-context.js";

const ada = "auth0|ada" as AppUserId;

async function setUp() {
  const context = await createTestContext();
  const failures: ProvisioningFailure[] = [];
  const process = context.start({ onFailure: (failure) => failures.push(failure) });
  return { ...context, process, failures };
}

test("a deletion that keeps failing reports each failure, with its age since it was requested", async () => {
  const { clock, network, process, failures } = await setUp();
  await process.record(ada, "user.created", 1);
  await process.provisioning.provision(ada);
  await process.record(ada, "user.deleted", 2);
  for (const kind of ["unknown_path", "unavailable", "refused"] as const) {
    clock.advance(60_000);
    network.fail("deleteUser", kind);
    await expect(process.deprovisioning.deprovision(ada)).rejects.toThrow();
  }
  expect(failures).toMatchObject([
    { job: "deprovision-user", code: "VITAL_UNKNOWN_PATH", attempts: 1, ageMs: 60_000, isAttempt: true },
    { job: "deprovision-user", code: "VITAL_UNAVAILABLE", attempts: 2, ageMs: 120_000, isAttempt: true },
    { job: "deprovision-user", code: "VITAL_REFUSED", attempts: 3, ageMs: 180_000, isAttempt: true },
  ]);
  expect(await process.find(ada)).toMatchObject({
    state: "deleting",
    attempts: 3,
    lastError: { code: "VITAL_REFUSED" },
  });
  expect(JSON.stringify(failures)).not.toContain(ada);
});

test("a deletion keeps the time at which it was requested, also when it finds further Vital users", async () => {
  const { clock, vital, process } = await setUp();
  await process.record(ada, "user.created", 1);
  await process.provisioning.provision(ada);
  clock.advance(86_400_000);
  const requestedAt = clock.now();
  await process.record(ada, "user.deleted", 2);
  expect(await process.find(ada)).toMatchObject({ requestedAt });
  await process.deprovisioning.deprovision(ada);
  clock.advance(10_000);
  vital.addUser(ada);
  expect(await process.deprovisioning.deprovision(ada)).toMatchObject({ state: "deleting", requestedAt });
});

test("a failed attempt to provision is reported, and so is a wait that is not an attempt", async () => {
  const { network, process, failures } = await setUp();
  await process.record(ada, "user.created", 1);
  network.fail("createUser", "invalid_response");
  await expect(process.provisioning.provision(ada)).rejects.toThrow();
  network.fail("createUser", "unavailable", { wasCalled: false });
  await expect(process.provisioning.provision(ada)).rejects.toThrow();
  network.fail("createUser", "refused");
  expect(await process.provisioning.provision(ada)).toMatchObject({ state: "failed" });
  expect(failures).toMatchObject([
    { job: "provision-user", code: "VITAL_INVALID_RESPONSE", attempts: 1, isAttempt: true },
    { job: "provision-user", code: "VITAL_UNAVAILABLE", attempts: 1, isAttempt: false },
    { job: "provision-user", code: "VITAL_REFUSED", attempts: 2, isAttempt: true },
  ]);
});

test("a deletion that waits because the team cannot be verified is reported, with the reason", async () => {
  const { vital, process, start, failures } = await setUp();
  await process.record(ada, "user.created", 1);
  await process.provisioning.provision(ada);
  vital.deleteInDashboard(ada);
  // A new process has not yet seen the team, and the team has no users left.
  const restarted = start({ onFailure: (failure) => failures.push(failure) });
  await restarted.record("auth0|bob" as AppUserId, "user.deleted", 1);
  await expect(restarted.deprovisioning.deprovision("auth0|bob" as AppUserId)).rejects.toThrow();
  expect(failures).toMatchObject([{ job: "deprovision-user", isAttempt: false, attempts: 0 }]);
  expect(failures[0]?.reason).toContain("the team of the API key has no users");
});
