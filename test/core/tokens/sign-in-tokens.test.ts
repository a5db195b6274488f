import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { ServiceError } from "../../../src/core/errors.js";
import type { Mapping } from "../../../src/core/mapping/mapping.js";
import type { VitalErrorKind } from "../../../src/core/vital/vital-error.js";
import { waitUntil } from "../../support/wait-until.js";
import { createFakeVital } from "../../support/core/fake-vital.js";
import { createManualClock } from "../../support/manual-clock.js";
import { createMemoryStore, createMemoryTeamStore, deployment } from "../../support/core/memory-store.js";
import { appUserId as ada, mappingFixture, toEvent } from "../../support/core/mapping-fixtures.js";
import { createFakeNetwork } from "../../support/core/fake-network.js";
import { startCoreProcess, type Store } from "../../support/core/core-process.js";

async function openHouse(
  rows: Mapping[] = [],
  options: { deadlineMs?: number; maxSharedMs?: number; store?: Partial<Store> } = {},
) {
  const store = createMemoryStore();
  for (const row of rows) await store.insert(row);
  const network = createFakeNetwork();
  const vital = createFakeVital({ network: network.network });
  const woken: [string, AppUserId][] = [];
  const process = startCoreProcess({
    store: { ...store, ...options.store },
    teams: createMemoryTeamStore(),
    vital: vital.api,
    now: createManualClock().now,
    deadlineMs: options.deadlineMs ?? 10_000,
    ...(options.maxSharedMs !== undefined && { maxSharedMs: options.maxSharedMs }),
    wake: (job, appUserId) => void woken.push([job, appUserId]),
  });
  return { store, network, vital, woken, process, issue: () => process.signInTokens.issue(ada) };
}

const count = (calls: readonly string[], operation: string) =>
  calls.filter((call) => call === operation).length;
const refusalOf = (issued: Promise<unknown>) =>
  issued.then(
    () => Promise.reject(new Error("a token was issued")),
    (error: unknown) => error as ServiceError,
  );

test("an active mapping gives a token for its Vital user, and says where that lives", async () => {
  const { issue, vital, process } = await openHouse();
  await process.record(ada, "user.created", 1);
  const row = await process.provisioning.provision(ada);
  const before = vital.calls.length;
  const vitalUserId = row?.state === "active" ? row.vitalUserId : undefined;
  expect(await issue()).toEqual({ ...deployment, vitalUserId, signInToken: `token-${vitalUserId}` });
  expect(vital.calls.slice(before)).toEqual(["createSignInToken"]);
});

test("a viewer nobody has announced is provisioned at once", async () => {
  const { issue, store } = await openHouse();
  const { vitalUserId } = await issue();
  expect(store.mappings.get(ada)).toMatchObject({ state: "active", vitalUserId, lastEvent: null });
});

test.each<[string, Mapping, object]>([
  ["failed", mappingFixture("failed"), { code: "PROVISIONING_FAILED", retryable: false }],
  ["deleted", mappingFixture("deleted"), { code: "FORBIDDEN", retryable: false }],
  ["deleting", mappingFixture("deleting"), { code: "FORBIDDEN", retryable: false }],
  [
    "deleting, signed up again",
    mappingFixture("deleting", { lastEvent: toEvent("user.created") }),
    { code: "VITAL_UNAVAILABLE", retryable: true, retryAfterSeconds: 2 },
  ],
])("a mapping that is %s gives no token, without a call to Vital", async (_name, row, refusal) => {
  const { issue, vital } = await openHouse([row]);
  expect(await refusalOf(issue())).toMatchObject(refusal);
  expect(vital.calls).toEqual([]);
});

test("requests of one viewer at the same moment share one provisioning, never a token", async () => {
  const { issue, vital } = await openHouse();
  const tokens = await Promise.all([issue(), issue(), issue()]);
  expect(new Set(tokens.map(({ vitalUserId }) => vitalUserId)).size).toBe(1);
  expect(count(vital.calls, "createUser")).toBe(1);
  expect(count(vital.calls, "createSignInToken")).toBe(3);
});

test("a request gives up at its deadline, and the work goes on behind it", async () => {
  const { issue, network, store, woken } = await openHouse([], { deadlineMs: 30 });
  const create = network.holdBeforeCommit("createUser");
  expect(await refusalOf(issue())).toMatchObject({
    code: "VITAL_UNAVAILABLE",
    retryable: true,
    retryAfterSeconds: 2,
    reason: "no token within 30 ms",
  });
  create.release();
  await waitUntil("the mapping is active", () => store.mappings.get(ada)?.state === "active");
  expect(woken).toEqual([]);
});

test("a provisioning that never ends holds its viewer up for a while, not for ever", async () => {
  const { issue, network, vital, woken } = await openHouse([], { deadlineMs: 200, maxSharedMs: 300 });
  await issue();
  vital.deleteInDashboard(ada);
  network.holdBeforeCommit("createUser");
  expect(await refusalOf(issue())).toMatchObject({ code: "VITAL_UNAVAILABLE" });
  await waitUntil("a worker is woken", () => woken.length > 0);
  expect(woken).toEqual([["provision-user", ada]]);
  expect((await issue()).vitalUserId).toBe(vital.live(ada)[0]?.vitalUserId);
});

test("a request that has to stop wakes a worker to go on", async () => {
  const { issue, network, woken } = await openHouse();
  network.fail("createUser", "unavailable");
  expect(await refusalOf(issue())).toMatchObject({ code: "VITAL_UNAVAILABLE", retryable: true });
  expect(woken).toEqual([["provision-user", ada]]);
});

test("a worker is woken for work that fails behind a request that gave up", async () => {
  const { issue, network, woken } = await openHouse([], { deadlineMs: 30 });
  const look = network.holdBeforeCommit("findAnyUser");
  network.fail("createUser", "unavailable");
  await refusalOf(issue());
  look.release();
  await waitUntil("a worker is woken", () => woken.length > 0);
  expect(woken).toEqual([["provision-user", ada]]);
});

test.each<[VitalErrorKind, number | undefined, number]>([
  ["unavailable", undefined, 2],
  ["throttled", 30_000, 30],
  ["credentials_refused", 9_500, 10],
  ["refused", undefined, 2],
  ["wrong_team", undefined, 2],
])("when Vital answers a token call with %s, the app is told to come back", async (kind, ms, seconds) => {
  const { issue, network } = await openHouse([mappingFixture("active")]);
  network.fail("createSignInToken", kind, ms === undefined ? {} : { retryAfterMs: ms });
  const refusal = await refusalOf(issue());
  expect(refusal).toBeInstanceOf(ServiceError);
  expect(refusal).toMatchObject({ code: "VITAL_UNAVAILABLE", retryable: true, retryAfterSeconds: seconds });
  expect(refusal.message).toBe("Vital is not responding.");
});

test("when Vital refuses to create the user, the app is told that a person has to look", async () => {
  const { issue, network, store, vital } = await openHouse();
  network.fail("createUser", "refused");
  expect(await refusalOf(issue())).toMatchObject({ code: "PROVISIONING_FAILED", retryable: false });
  expect(store.mappings.get(ada)?.state).toBe("failed");
  await refusalOf(issue());
  expect(count(vital.calls, "createUser")).toBe(1);
});

test("when the store does not answer, it is the service that is unavailable", async () => {
  const { issue, vital } = await openHouse([], {
    store: { find: () => Promise.reject(new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 2_000 })) },
  });
  expect(await refusalOf(issue())).toMatchObject({ code: "SERVICE_UNAVAILABLE", retryable: true });
  expect(vital.calls).toEqual([]);
});

test("what is no deliberate refusal is passed on as the bug that it is", async () => {
  const { issue } = await openHouse([], { store: { find: () => Promise.reject(new TypeError("a bug")) } });
  await expect(issue()).rejects.toThrow(TypeError);
});
