import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { ServiceError } from "../../../src/core/errors.js";
import type { Mapping } from "../../../src/core/mapping/mapping.js";
import type { VitalErrorKind } from "../../../src/core/vital/vital-error.js";
import { waitUntil } from "../../support/wait-until.js";
import { createFakeVital } from "../../support/core/fake-vital.js";
import { createManualClock } from "../../support/manual-clock.js";
import { createMemoryStore, createMemoryTeamStore, deployment } from "../../support/core/memory-store.js";
import { appUserId as ada, mappingFixture, toStamp } from "../../support/core/mapping-fixtures.js";
import { createFakeNetwork } from "../../support/core/fake-network.js";
import { startCoreProcess, type Store } from "../../support/core/core-process.js";

async function createContext(
  mappings: Mapping[] = [],
  options: { deadlineMs?: number; maxSharedMs?: number; store?: Partial<Store> } = {},
) {
  const store = createMemoryStore();
  for (const mapping of mappings) await store.insert(mapping);
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
const errorOf = (issued: Promise<unknown>) =>
  issued.then(
    () => Promise.reject(new Error("a token was issued")),
    (error: unknown) => error as ServiceError,
  );

test("a request with an active mapping returns a token for its Vital user, with its deployment", async () => {
  const { issue, vital, process } = await createContext();
  await process.record(ada, "user.created", 1);
  const mapping = await process.provisioning.provision(ada);
  const before = vital.calls.length;
  const vitalUserId = mapping?.state === "active" ? mapping.vitalUserId : undefined;
  expect(await issue()).toEqual({ ...deployment, vitalUserId, signInToken: `token-${vitalUserId}` });
  expect(vital.calls.slice(before)).toEqual(["createSignInToken"]);
});

test("a viewer without a signup event is provisioned immediately", async () => {
  const { issue, store } = await createContext();
  const { vitalUserId } = await issue();
  expect(store.mappings.get(ada)).toMatchObject({ state: "active", vitalUserId, lastEvent: null });
});

test.each<[string, Mapping, object]>([
  ["failed", mappingFixture("failed"), { code: "PROVISIONING_FAILED", retryable: false }],
  ["deleted", mappingFixture("deleted"), { code: "FORBIDDEN", retryable: false }],
  ["deleting", mappingFixture("deleting"), { code: "FORBIDDEN", retryable: false }],
  [
    "deleting, signed up again",
    mappingFixture("deleting", { lastEvent: toStamp("user.created") }),
    { code: "VITAL_UNAVAILABLE", retryable: true, retryAfterSeconds: 2 },
  ],
])("a request with a mapping that is %s fails without a call to Vital", async (_name, mapping, error) => {
  const { issue, vital } = await createContext([mapping]);
  expect(await errorOf(issue())).toMatchObject(error);
  expect(vital.calls).toEqual([]);
});

test("simultaneous requests of one viewer share one provisioning run, but never a token", async () => {
  const { issue, vital } = await createContext();
  const tokens = await Promise.all([issue(), issue(), issue()]);
  expect(new Set(tokens.map(({ vitalUserId }) => vitalUserId)).size).toBe(1);
  expect(count(vital.calls, "createUser")).toBe(1);
  expect(count(vital.calls, "createSignInToken")).toBe(3);
});

test("a request ends at its deadline, but its provisioning continues", async () => {
  const { issue, network, store, woken } = await createContext([], { deadlineMs: 30 });
  const create = network.holdBeforeCommit("createUser");
  expect(await errorOf(issue())).toMatchObject({
    code: "VITAL_UNAVAILABLE",
    retryable: true,
    retryAfterSeconds: 2,
    reason: "no token within 30 ms",
  });
  create.release();
  await waitUntil("the mapping is active", () => store.mappings.get(ada)?.state === "active");
  expect(woken).toEqual([]);
});

test("a provisioning run that never ends blocks its viewer only for a limited time", async () => {
  const { issue, network, vital, woken } = await createContext([], { deadlineMs: 200, maxSharedMs: 300 });
  await issue();
  vital.deleteInDashboard(ada);
  network.holdBeforeCommit("createUser");
  expect(await errorOf(issue())).toMatchObject({ code: "VITAL_UNAVAILABLE" });
  await waitUntil("a worker is woken", () => woken.length > 0);
  expect(woken).toEqual([["provision-user", ada]]);
  expect((await issue()).vitalUserId).toBe(vital.live(ada)[0]?.vitalUserId);
});

test("a request that fails wakes a worker to continue", async () => {
  const { issue, network, woken } = await createContext();
  network.fail("createUser", "unavailable");
  expect(await errorOf(issue())).toMatchObject({ code: "VITAL_UNAVAILABLE", retryable: true });
  expect(woken).toEqual([["provision-user", ada]]);
});

test("a worker is woken when the provisioning fails after its request has ended", async () => {
  const { issue, network, woken } = await createContext([], { deadlineMs: 30 });
  const lookup = network.holdBeforeCommit("findAnyUser");
  network.fail("createUser", "unavailable");
  await errorOf(issue());
  lookup.release();
  await waitUntil("a worker is woken", () => woken.length > 0);
  expect(woken).toEqual([["provision-user", ada]]);
});

test.each<[VitalErrorKind, number | undefined, number]>([
  ["unavailable", undefined, 2],
  ["throttled", 30_000, 30],
  ["credentials_refused", 9_500, 10],
  ["refused", undefined, 2],
  ["wrong_team", undefined, 2],
])("when a token call fails with %s, the error says when to retry", async (kind, ms, seconds) => {
  const { issue, network } = await createContext([mappingFixture("active")]);
  network.fail("createSignInToken", kind, ms === undefined ? {} : { retryAfterMs: ms });
  const error = await errorOf(issue());
  expect(error).toBeInstanceOf(ServiceError);
  expect(error).toMatchObject({ code: "VITAL_UNAVAILABLE", retryable: true, retryAfterSeconds: seconds });
  expect(error.message).toBe("Vital is not responding.");
});

test("when Vital refuses to create the user, the error says that provisioning failed", async () => {
  const { issue, network, store, vital } = await createContext();
  network.fail("createUser", "refused");
  expect(await errorOf(issue())).toMatchObject({ code: "PROVISIONING_FAILED", retryable: false });
  expect(store.mappings.get(ada)?.state).toBe("failed");
  await errorOf(issue());
  expect(count(vital.calls, "createUser")).toBe(1);
});

test("when the store is not responding, the service is unavailable", async () => {
  const { issue, vital } = await createContext([], {
    store: { find: () => Promise.reject(new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 2_000 })) },
  });
  expect(await errorOf(issue())).toMatchObject({ code: "SERVICE_UNAVAILABLE", retryable: true });
  expect(vital.calls).toEqual([]);
});

test("an unexpected error is passed on unchanged", async () => {
  const { issue } = await createContext([], {
    store: { find: () => Promise.reject(new TypeError("a bug")) },
  });
  await expect(issue()).rejects.toThrow(TypeError);
});
