import { expect, test } from "vitest";
import type { AppUserId, VitalUserId } from "../../src/core/mapping/app-user-id.js";
import { mappingFixture } from "../support/core/mapping-fixtures.js";
import { openMappings } from "../support/open-mappings.js";

const toId = (text: string) => text as AppUserId;
const failedWith = (code: string) => ({ code, message: "no", at: new Date() });

test("the oldest deletion is the one that was requested first, whatever happened to it since", async () => {
  const { mappings } = await openMappings();
  await mappings.indexes.create();
  expect(await mappings.findOldestDeletingAt()).toBeNull();
  const [first, second] = [new Date("2026-11-20T10:00:00Z"), new Date("2026-11-21T10:00:00Z")];
  await mappings.insert(
    mappingFixture("deleting", { appUserId: toId("b"), requestedAt: second, deletingAt: first }),
  );
  await mappings.insert(
    mappingFixture("deleting", { appUserId: toId("a"), requestedAt: first, deletingAt: second }),
  );
  await mappings.insert(mappingFixture("pending", { appUserId: toId("c"), requestedAt: new Date(0) }));
  await mappings.insert(mappingFixture("deleted", { appUserId: toId("d"), requestedAt: new Date(0) }));
  expect(await mappings.findOldestDeletingAt()).toEqual(first);
});

test("the oldest deletion is read from an index alone, without reading a document", async () => {
  const { mappings, mongo } = await openMappings();
  await mappings.indexes.create();
  for (let index = 0; index < 50; index += 1) {
    const vitalUserId = `00000000-0000-4000-8000-0000000000${String(index).padStart(2, "0")}` as VitalUserId;
    await mappings.insert(mappingFixture("active", { appUserId: toId(`a${index}`), vitalUserId }));
    await mappings.insert(mappingFixture("deleting", { appUserId: toId(`d${index}`) }));
  }
  const { db } = mongo.connection;
  await db?.command({ profile: 2 });
  expect(await mappings.findOldestDeletingAt()).not.toBeNull();
  await db?.command({ profile: 0 });
  const queries = await db
    ?.collection("system.profile")
    .find({ "command.find": "vital_user_mappings" })
    .toArray();
  expect(queries).toMatchObject([{ docsExamined: 0, keysExamined: 1 }]);
});

test("failures are counted by state and code", async () => {
  const { mappings } = await openMappings();
  await mappings.indexes.create();
  const stored = [
    mappingFixture("pending", { appUserId: toId("p1"), lastError: null }),
    mappingFixture("pending", { appUserId: toId("p2"), lastError: failedWith("VITAL_UNAVAILABLE") }),
    mappingFixture("deleting", { appUserId: toId("d1"), lastError: failedWith("VITAL_UNKNOWN_PATH") }),
    mappingFixture("deleting", { appUserId: toId("d2"), lastError: failedWith("VITAL_UNKNOWN_PATH") }),
    mappingFixture("failed", { appUserId: toId("f1"), lastError: failedWith("VITAL_REFUSED") }),
    // The errors of an active mapping and of a tombstone are history.
    mappingFixture("active", { appUserId: toId("a1"), lastError: failedWith("VITAL_UNAVAILABLE") }),
    mappingFixture("deleted", { appUserId: toId("t1"), lastError: failedWith("VITAL_UNAVAILABLE") }),
  ];
  for (const mapping of stored) await mappings.insert(mapping);
  expect(await mappings.countFailures()).toEqual([
    { state: "deleting", code: "VITAL_UNKNOWN_PATH", count: 2 },
    { state: "failed", code: "VITAL_REFUSED", count: 1 },
    { state: "pending", code: "VITAL_UNAVAILABLE", count: 1 },
  ]);
});
