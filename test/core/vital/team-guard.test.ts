import { describe, expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { createTeamGuard, WrongDeploymentError } from "../../../src/core/vital/team-guard.js";
import type { Deployment } from "../../../src/core/vital/deployment.js";
import { createFakeVital } from "../../support/core/fake-vital.js";
import { createMemoryTeamStore, deployment } from "../../support/core/memory-store.js";
import { createTestContext } from "../../support/core/test-context.js";
import { createFakeNetwork } from "../../support/core/fake-network.js";

const otherTeam = "b0000000-0000-4000-8000-000000000000";
const users = Array.from({ length: 5 }, (_, number) => `auth0|${number}` as AppUserId);

/** Mappings of one team, and a process with the key of another team. */
async function createWrongKeyContext() {
  const context = await createTestContext();
  const right = context.start();
  for (const user of users) {
    await right.record(user, "user.created", 1);
    await right.provisioning.provision(user);
  }
  const network = createFakeNetwork();
  const other = createFakeVital({ team: otherTeam, firstId: 1_000, network: network.network });
  const mismatches: string[] = [];
  const counts = { reads: 0, corrections: 0 };
  const find = () => {
    counts.reads += 1;
    return context.teams.find();
  };
  const wrong = context.start({
    vital: other.api,
    teams: { ...context.teams, find },
    onWrongTeam: (error) => mismatches.push(error.message),
    onRightTeam: () => (counts.corrections += 1),
  });
  return { ...context, right, wrong, other, otherNetwork: network, mismatches, counts };
}

describe("a key of another team", () => {
  test("creates no user when the other team has users, and heals no mapping", async () => {
    const { wrong, other, mismatches, mappings, start } = await createWrongKeyContext();
    other.addUser("another user");
    const before = await Promise.all(users.map(mappings.find));
    await start().record("auth0|new" as AppUserId, "user.created", 1);
    const issued = await Promise.allSettled(users.map((user) => wrong.signInTokens.issue(user)));
    const provisioned = await Promise.allSettled([
      wrong.provisioning.provision("auth0|new" as AppUserId),
      wrong.signInTokens.issue("auth0|unknown" as AppUserId),
    ]);
    expect(other.ledger).toHaveLength(1);
    expect(await Promise.all(users.map(mappings.find))).toEqual(before);
    for (const outcome of issued) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "VITAL_UNAVAILABLE" } });
    }
    expect(provisioned.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await mappings.find("auth0|new" as AppUserId)).toMatchObject({ state: "pending", attempts: 0 });
    expect(mismatches[0]).toMatch(
      new RegExp(`the API key belongs to team ${otherTeam}, but the mappings belong to team a0`),
    );
  });

  test("creates at most one user when the other team is empty, however many requests arrive at the same time", async () => {
    const { wrong, other, mappings, start } = await createWrongKeyContext();
    const newcomers = users.map((user) => `${user}-new` as AppUserId);
    for (const user of newcomers) await start().record(user, "user.created", 1);
    await Promise.allSettled([
      ...users.map((user) => wrong.signInTokens.issue(user)),
      ...newcomers.map((user) => wrong.provisioning.provision(user)),
    ]);
    await Promise.allSettled(newcomers.map((user) => wrong.provisioning.provision(user)));
    expect(other.ledger.length).toBeLessThanOrEqual(1);
    for (const user of newcomers) expect(await mappings.find(user)).toMatchObject({ state: "pending" });
  });

  test.each([true, false])("completes no deletion (other team has users: %s)", async (hasUsers) => {
    const { wrong, right, other, clock, mappings, vital } = await createWrongKeyContext();
    if (hasUsers) other.addUser("another user");
    const [user] = users as [AppUserId];
    await right.record(user, "user.deleted", 2);
    for (let round = 0; round < 8; round += 1) {
      await expect(wrong.deprovisioning.deprovision(user)).rejects.toMatchObject({
        kind: hasUsers ? "wrong_team" : "unavailable",
      });
      clock.advance(20_000);
    }
    expect(await mappings.find(user)).toMatchObject({ state: "deleting" });
    expect(other.deletes).toEqual([]);
    await right.deprovisioning.deprovision(user);
    expect(vital.live(user)).toEqual([]);
  });

  test("lists no user of the other team for deletion, even when that team was empty a moment before", async () => {
    const { wrong, right, other, otherNetwork, mappings, clock } = await createWrongKeyContext();
    const [user] = users as [AppUserId];
    for (const one of users) await right.record(one, "user.deleted", 2);
    clock.advance(60_000);
    for (const one of users) await right.deprovisioning.deprovision(one);
    await right.record(user, "user.created", 3);
    await right.record(user, "user.deleted", 4);
    const lookup = otherNetwork.holdBeforeCommit("findUser");
    const deleting = wrong.deprovisioning.deprovision(user);
    await lookup.reached;
    other.addUser(user);
    lookup.release();
    await expect(deleting).rejects.toMatchObject({ kind: "wrong_team" });
    expect(await mappings.find(user)).toMatchObject({ state: "deleting", vitalUserIdsToDelete: [] });
    expect(other.deletes).toEqual([]);
  });

  test("stops everything after the first mismatch, without further calls", async () => {
    const { wrong, other } = await createWrongKeyContext();
    other.addUser("another user");
    await expect(wrong.team.verify()).rejects.toMatchObject({ kind: "wrong_team" });
    const calls = other.calls.length;
    await expect(wrong.team.verify()).rejects.toMatchObject({ kind: "wrong_team" });
    const create = wrong.team.create(() => other.api.createUser("x"));
    await expect(create).rejects.toMatchObject({ kind: "wrong_team" });
    await expect(
      wrong.team.observe({ vitalUserId: other.addUser("y").vitalUserId, teamId: null }),
    ).rejects.toThrow();
    expect(other.calls).toHaveLength(calls);
  });
});

describe("a process whose key belongs to another team than the record", () => {
  test("continues within ten seconds after the record has been corrected, and reads the record no more often", async () => {
    const { wrong, other, correctTeam, clock, mismatches, counts } = await createWrongKeyContext();
    const { vitalUserId } = other.addUser("another user");
    await expect(wrong.team.verify()).rejects.toMatchObject({ kind: "wrong_team" });
    const calls = other.calls.length;
    await correctTeam({ $set: { teamId: otherTeam } });
    clock.advance(9_999);
    await expect(wrong.team.verify()).rejects.toMatchObject({ kind: "wrong_team" });
    expect(counts.reads).toBe(0);
    clock.advance(1);
    const checks = [
      wrong.team.verify(),
      wrong.team.verify(),
      wrong.team.observe({ vitalUserId, teamId: otherTeam }),
    ];
    await Promise.allSettled(checks);
    expect(await wrong.team.verify()).toBe(true);
    expect(counts).toEqual({ reads: 1, corrections: 1 });
    expect([mismatches.length, other.calls.length]).toEqual([1, calls]);
  });

  test("does not continue while the record has no team, and does not store its own", async () => {
    const { wrong, other, teams, correctTeam, clock, counts } = await createWrongKeyContext();
    other.addUser("another user");
    await expect(wrong.team.verify()).rejects.toMatchObject({ kind: "wrong_team" });
    await correctTeam({ $unset: { teamId: "" } });
    for (let n = 0; n < 2; n += 1) {
      clock.advance(10_000);
      await expect(wrong.team.verify()).rejects.toMatchObject({ kind: "wrong_team" });
    }
    expect(await teams.find()).toMatchObject({ teamId: null });
    expect(counts.corrections).toBe(0);
  });
});

test("a key of another environment or region is reported before anything else happens", async () => {
  const { teams } = await createTestContext();
  for (const otherDeployment of [
    { environment: "production", region: "us" },
    { environment: "sandbox", region: "eu" },
  ] satisfies Deployment[]) {
    const vital = createFakeVital();
    const guard = createTeamGuard({
      deployment: otherDeployment,
      teams,
      vital: vital.api,
      now: () => new Date(),
      onWrongTeam: () => undefined,
    });
    const failure = await guard.assertDeployment().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WrongDeploymentError);
    expect(failure).toMatchObject({
      keyDeployment: otherDeployment,
      mappingsDeployment: { environment: "sandbox", region: "us" },
      message:
        `the API key belongs to ${otherDeployment.environment}/${otherDeployment.region}, ` +
        "but the stored mappings belong to sandbox/us",
    });
  }
  const same = createTeamGuard({
    deployment,
    teams,
    vital: createFakeVital().api,
    now: () => new Date(),
    onWrongTeam: () => undefined,
  });
  await same.assertDeployment();
});

test("the first team id is stored, whichever of two processes sees it first", async () => {
  const { start, vital, teams } = await createTestContext();
  const processes = [start(), start()];
  await Promise.all(
    processes.map((process, index) => process.signInTokens.issue(users[index] ?? ("" as AppUserId))),
  );
  expect(await teams.rememberTeamId(otherTeam)).toMatchObject({
    ...deployment,
    teamId: "a0000000-0000-4000-8000-000000000000",
  });
  expect(vital.ledger).toHaveLength(2);
});

test("creates run one by one until a response has confirmed the team, and in parallel afterwards", async () => {
  const { start, vital, network } = await createTestContext();
  const process = start();
  for (const user of users) await process.record(user, "user.created", 1);
  const first = network.holdBeforeCommit("createUser");
  const all = users.map((user) => process.provisioning.provision(user));
  await first.reached;
  const countCreates = () => vital.calls.filter((call) => call === "createUser").length;
  expect(countCreates()).toBe(1);
  const others = users.slice(1).map(() => network.holdBeforeCommit("createUser"));
  first.release();
  for (const hold of others) await hold.reached;
  expect(countCreates()).toBe(users.length);
  for (const hold of others) hold.release();
  await Promise.all(all);
  expect(vital.calls.filter((call) => call === "findAnyUser")).toHaveLength(1);
});

test("after the first create has failed, the next one runs", async () => {
  const { start, network } = await createTestContext();
  const process = start();
  for (const user of users) await process.record(user, "user.created", 1);
  network.fail("createUser", "unavailable");
  network.fail("findAnyUser", "unavailable");
  const outcomes = await Promise.allSettled(users.map((user) => process.provisioning.provision(user)));
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
});

test("a team without users is accepted only when no mapping is active", async () => {
  const vital = createFakeVital();
  const verify = (hasActive: boolean) =>
    createTeamGuard({
      deployment,
      teams: createMemoryTeamStore(() => Promise.resolve(hasActive)),
      vital: vital.api,
      now: () => new Date(),
      onWrongTeam: () => undefined,
    }).verify();
  expect(await verify(true)).toBe(false);
  expect(await verify(false)).toBe(true);
});
