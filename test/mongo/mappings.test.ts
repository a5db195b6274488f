import { beforeEach, describe, expect, test } from "vitest";
import type { AppUserId, VitalUserId } from "../../src/core/mapping/app-user-id.js";
import type { Mapping } from "../../src/core/mapping/mapping.js";
import { toFailedFilter, type Mappings } from "../../src/mongo/mappings.js";
import { createTeamRecords } from "../../src/mongo/team.js";
import { mappingFixture, otherVitalUserId, states, vitalUserId } from "../support/core/mapping-fixtures.js";
import { openMappings } from "../support/open-mappings.js";

const toId = (text: string) => text as AppUserId;
const toVitalId = (number: number) =>
  `00000000-0000-4000-8000-${String(number).padStart(12, "0")}` as VitalUserId;

let mappings: Mappings;

beforeEach(async () => {
  ({ mappings } = await openMappings());
  await mappings.indexes.create();
});

describe("a mapping is read as it was stored", () => {
  test.each<[string, Mapping]>([
    ...states.map((state): [string, Mapping] => [state, mappingFixture(state)]),
    ["without an event", mappingFixture("pending", { lastEvent: null, lastError: null })],
    ["with one Vital user to delete", mappingFixture("deleting", { vitalUserIdsToDelete: [vitalUserId] })],
    [
      "with several Vital users to delete",
      mappingFixture("deleting", { vitalUserIdsToDelete: [vitalUserId, otherVitalUserId] }),
    ],
  ])("%s", async (_name, mapping) => {
    expect(await mappings.insert(mapping)).toBe(true);
    expect(await mappings.find(mapping.appUserId)).toEqual(mapping);
  });

  test("in its next state, without any field of the state before", async () => {
    for (const before of states) {
      for (const next of states) {
        const appUserId = toId(`${before} to ${next}`);
        const seen = mappingFixture(before, { appUserId, ...vitalOf(before, appUserId) });
        const written = mappingFixture(next, { appUserId, revision: 22, ...vitalOf(next, appUserId) });
        await mappings.insert(seen);
        expect(await mappings.replace(seen, written)).toBe(true);
        expect(await mappings.find(appUserId)).toEqual(written);
      }
    }
  });

  test("without the keys of its events, as earlier versions wrote it", async () => {
    const { mappings, mongo } = await openMappings();
    const mapping = mappingFixture("active", { eventKeys: [] });
    await mappings.insert(mapping);
    const [document] = await mongo.connection.collection("vital_user_mappings").find().toArray();
    expect(document).not.toHaveProperty("eventKeys");
    expect(await mappings.find(mapping.appUserId)).toEqual(mapping);
  });

  const hostile = [
    ...["__proto__", "constructor", "toString", "$where", "$gt", "{$ne:null}", "a.b", "a$b", ".hidden", " "],
    ...[
      "' or 1=1 --",
      "*",
      "(?:)",
      "null",
      "%00",
      "\u00e9",
      "e\u0301",
      "İ",
      "😀".repeat(256),
      "x".repeat(256),
    ],
    ...["vital_user_id_unique", "index: vital_user_id_unique dup key"],
  ].map(toId);

  test("under any app user id, byte for byte, and under no other", async () => {
    const stored = hostile.map((appUserId) =>
      mappingFixture("pending", { appUserId, clientUserId: appUserId }),
    );
    expect(await Promise.all(stored.map(mappings.insert))).toEqual(stored.map(() => true));
    expect(await Promise.all(hostile.map(mappings.find))).toEqual(stored);
    for (const mapping of stored) expect(await mappings.find(mapping.appUserId)).toEqual(mapping);
    const others = ["É", "e", "proto", "WHERE", "a_b", "😀", "", "  "].map(toId);
    expect(await Promise.all(others.map(mappings.find))).toEqual(others.map(() => null));
  });

  test("even when a write with a hostile id loses a race", async () => {
    for (const appUserId of hostile) {
      const mapping = mappingFixture("pending", { appUserId });
      await mappings.insert(mapping);
      expect(await mappings.insert(mapping)).toBe(false);
      const newer = { ...mapping, revision: mapping.revision + 1 };
      expect(await mappings.replace(mapping, newer)).toBe(true);
      expect(await mappings.replace(mapping, { ...mapping, attempts: 9 })).toBe(false);
      expect(await mappings.find(appUserId)).toEqual(newer);
    }
  });
});

describe("concurrent writes", () => {
  test("of the same mapping: exactly one wins", async () => {
    const mapping = mappingFixture("pending");
    const inserts = await Promise.all(Array.from({ length: 50 }, () => mappings.insert(mapping)));
    expect(inserts.filter(Boolean)).toHaveLength(1);
    const writes = Array.from({ length: 50 }, (_, attempts) => ({ ...mapping, attempts, revision: 22 }));
    const replaced = await Promise.all(writes.map((next) => mappings.replace(mapping, next)));
    expect(replaced.filter(Boolean)).toHaveLength(1);
    expect(await mappings.find(mapping.appUserId)).toEqual(writes[replaced.indexOf(true)]);
  });

  test("of many mappings: each caller learns its own outcome", async () => {
    const known = Array.from({ length: 60 }, (_, number) =>
      mappingFixture("pending", { appUserId: toId(`k${number}`) }),
    );
    await Promise.all(known.map(mappings.insert));
    await mappings.insert(mappingFixture("active", { appUserId: toId("owner"), vitalUserId: toVitalId(1) }));
    const writes = known.map((mapping, number) => {
      const seen = number % 3 === 1 ? { ...mapping, revision: 20 } : mapping;
      const next = { ...mapping, revision: 22, attempts: number };
      // Every tenth would take the owner's Vital user.
      const stolen = mappingFixture("active", {
        appUserId: mapping.appUserId,
        vitalUserId: toVitalId(1),
        revision: 22,
      });
      return { number, written: mappings.replace(seen, number % 10 === 0 ? stolen : next) };
    });
    const inserts = known.map((mapping, number) =>
      mappings.insert(number % 2 === 0 ? mapping : { ...mapping, appUserId: toId(`new${number}`) }),
    );
    const outcomes = await Promise.allSettled(writes.map(({ written }) => written));
    expect(await Promise.all(inserts)).toEqual(known.map((_, number) => number % 2 === 1));
    for (const [number, outcome] of outcomes.entries()) {
      if (number % 10 === 0 && number % 3 !== 1) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { code: "SERVICE_UNAVAILABLE" } });
      } else expect(outcome).toMatchObject({ status: "fulfilled", value: number % 3 !== 1 });
    }
  });

  test("more writes than one round trip holds all succeed", async () => {
    const stored = Array.from({ length: 1_300 }, (_, number) =>
      mappingFixture("pending", { appUserId: toId(`u${number}`), attempts: number }),
    );
    expect(new Set(await Promise.all(stored.map(mappings.insert)))).toEqual(new Set([true]));
    expect(await Promise.all(stored.map(({ appUserId }) => mappings.find(appUserId)))).toEqual(stored);
  });
});

test("two app users never share a Vital user, not even one to be deleted", async () => {
  await mappings.insert(mappingFixture("active", { appUserId: toId("ada"), vitalUserId }));
  const thieves = [
    mappingFixture("active", { appUserId: toId("bob"), vitalUserId }),
    mappingFixture("deleting", { appUserId: toId("bob"), vitalUserIdsToDelete: [vitalUserId] }),
  ];
  for (const thief of thieves) {
    await expect(mappings.insert(thief)).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    expect(await mappings.find(toId("bob"))).toBeNull();
  }
  // Mappings without a Vital user do not conflict.
  for (const id of ["c", "d"])
    expect(await mappings.insert(mappingFixture("deleted", { appUserId: toId(id) }))).toBe(true);
});

test("due mappings are listed, the longest overdue first, up to the limit", async () => {
  const at = new Date("2026-11-22T12:00:00.000Z");
  const before = (ms: number) => new Date(at.getTime() - ms);
  const stored = [
    mappingFixture("pending", { appUserId: toId("second"), nextSweepAt: before(50) }),
    mappingFixture("deleting", { appUserId: toId("first"), nextSweepAt: before(500) }),
    mappingFixture("pending", { appUserId: toId("third"), nextSweepAt: at }),
    mappingFixture("pending", { appUserId: toId("not yet"), nextSweepAt: before(-1) }),
    mappingFixture("active", { appUserId: toId("active") }),
    mappingFixture("failed", { appUserId: toId("failed") }),
    mappingFixture("deleted", { appUserId: toId("deleted") }),
  ];
  await Promise.all(stored.map(mappings.insert));
  const list = async (limit: number) => (await mappings.listDue(at, limit)).map(({ appUserId }) => appUserId);
  expect(await list(10)).toEqual(["first", "second", "third"]);
  expect(await list(2)).toEqual(["first", "second"]);
  expect((await mappings.listDue(at, 1))[0]).toEqual(stored[1]);
});

test("counts by state, the oldest pending mapping, and whether any mapping is active", async () => {
  expect(await mappings.hasActive()).toBe(false);
  expect(await mappings.findOldestPendingAt()).toBeNull();
  expect(await mappings.countByState()).toEqual({
    pending: 0,
    active: 0,
    failed: 0,
    deleting: 0,
    deleted: 0,
  });
  const oldest = new Date("2026-11-20T10:00:00.000Z");
  const stored: Mapping[] = [
    mappingFixture("pending", { appUserId: toId("p1") }),
    mappingFixture("pending", { appUserId: toId("p2"), requestedAt: oldest }),
    mappingFixture("active", { appUserId: toId("a1"), vitalUserId: toVitalId(1), requestedAt: new Date(0) }),
    mappingFixture("active", { appUserId: toId("a2"), vitalUserId: toVitalId(2) }),
    mappingFixture("active", { appUserId: toId("a3"), vitalUserId: toVitalId(3) }),
    mappingFixture("failed", { appUserId: toId("f1"), requestedAt: new Date(0) }),
    mappingFixture("deleting", { appUserId: toId("g1") }),
    mappingFixture("deleted", { appUserId: toId("d1") }),
  ];
  await Promise.all(stored.map(mappings.insert));
  expect(await mappings.countByState()).toEqual({
    pending: 2,
    active: 3,
    failed: 1,
    deleting: 1,
    deleted: 1,
  });
  expect(await mappings.findOldestPendingAt()).toEqual(oldest);
  expect(await mappings.hasActive()).toBe(true);
});

describe("failed mappings", () => {
  const at = new Date("2026-11-22T12:00:00.000Z");
  const after = (ms: number) => new Date(at.getTime() + ms);
  const failed = (id: string, failedAt: Date, code = "SANDBOX_FULL") =>
    mappingFixture("failed", { appUserId: toId(id), lastError: { code, message: "refused", at: failedAt } });
  const list = async (code?: string) => {
    const ids: AppUserId[] = [];
    for await (const batch of mappings.streamFailed(at, code)) {
      ids.push(...batch.map(({ appUserId }) => appUserId));
    }
    return ids.sort();
  };

  test("are listed when they were already failed at the instant, all of them or those of one code", async () => {
    const stored = [
      failed("long ago", after(-60_000)),
      failed("at the instant", at),
      failed("of another code", after(-1), "INVALID"),
      failed("later", after(1)),
      failed("requested later", after(-1)),
      mappingFixture("pending", { appUserId: toId("pending") }),
      mappingFixture("deleted", { appUserId: toId("deleted") }),
    ].map((mapping) =>
      mapping.appUserId === "requested later" ? { ...mapping, requestedAt: after(1) } : mapping,
    );
    await Promise.all(stored.map(mappings.insert));
    expect(await list()).toEqual(["at the instant", "long ago", "of another code"]);
    expect(await list("INVALID")).toEqual(["of another code"]);
    expect(await list("$ne")).toEqual([]);
  });

  test("are listed when an older version stored no reason", async () => {
    const {
      mappings: fresh,
      mongo: { connection },
    } = await openMappings();
    await fresh.insert(failed("ada", at));
    await connection
      .collection<{ _id: string }>("vital_user_mappings")
      .updateOne({ _id: "ada" }, { $unset: { lastError: 1 } });
    for await (const batch of fresh.streamFailed(at)) {
      expect(batch).toMatchObject([{ appUserId: "ada", lastError: { code: "UNKNOWN" } }]);
    }
    expect.assertions(1);
  });

  test("are found by one index scan without a sort", async () => {
    const {
      mappings: fresh,
      mongo: { connection },
    } = await openMappings();
    await fresh.indexes.create();
    const stored = Array.from({ length: 200 }, (_, number) =>
      number % 10 === 0
        ? failed(`u${number}`, at)
        : mappingFixture("active", { appUserId: toId(`u${number}`), vitalUserId: toVitalId(number) }),
    );
    await Promise.all(stored.map(fresh.insert));
    const filter = toFailedFilter(at, "SANDBOX_FULL") as object;
    const plan = await connection.collection("vital_user_mappings").find(filter).explain("executionStats");
    expect(JSON.stringify(plan.queryPlanner)).toContain('"indexName":"state_requested_at"');
    expect(JSON.stringify(plan.queryPlanner)).not.toMatch(/COLLSCAN|"SORT"/);
    expect(plan.executionStats).toMatchObject({ nReturned: 20, totalDocsExamined: 20 });
  });
});

test("missing indexes are named, on a new collection and after one was dropped", async () => {
  const {
    mappings: fresh,
    mongo: { connection },
  } = await openMappings();
  expect(await fresh.indexes.listMissing()).toEqual(["vital_user_id_unique", "due", "state_requested_at"]);
  await fresh.indexes.create();
  expect(await fresh.indexes.listMissing()).toEqual([]);
  await connection.collection("vital_user_mappings").dropIndex("due");
  expect(await fresh.indexes.listMissing()).toEqual(["due"]);
  await fresh.indexes.create();
  expect(await fresh.indexes.listMissing()).toEqual([]);
});

test("an empty collection gets its indexes, and one with data waits for the operator to create them", async () => {
  const { mappings: empty } = await openMappings();
  expect(await empty.indexes.prepare()).toEqual([]);
  expect(await empty.indexes.listMissing()).toEqual([]);

  const { mappings: filled } = await openMappings();
  await filled.insert(mappingFixture("pending"));
  const missing = ["vital_user_id_unique", "due", "state_requested_at"];
  expect(await filled.indexes.prepare()).toEqual(missing);
  expect(await filled.indexes.listMissing()).toEqual(missing);
});

test("fields of one state are absent in the others, so that the partial indexes stay small", async () => {
  const {
    mappings: fresh,
    mongo: { connection },
  } = await openMappings();
  for (const state of states) await fresh.insert(mappingFixture(state, { appUserId: toId(state) }));
  const stored = await connection.collection("vital_user_mappings").find().toArray();
  const having = (field: string) =>
    stored.filter((mapping) => field in mapping).map(({ state }) => state as string);
  expect(having("nextSweepAt")).toEqual(["pending", "deleting"]);
  expect(having("vitalUserId")).toEqual(["active"]);
  expect(having("otherVitalUserIds")).toEqual([]);
});

test("the first deployment and the first team id are stored, even when several processes start at the same moment", async () => {
  const teams = createTeamRecords((await openMappings()).mongo);
  const deployments = [
    { environment: "sandbox", region: "us" },
    { environment: "production", region: "eu" },
  ] as const;
  const stored = await Promise.all(
    Array.from({ length: 10 }, (_, n) => teams.remember(deployments[n % 2 === 0 ? 0 : 1])),
  );
  expect(new Set(stored.map((record) => JSON.stringify(record))).size).toBe(1);
  expect(stored[0]).toMatchObject({ teamId: null });
  const ids = await Promise.all(
    Array.from({ length: 10 }, (_, number) => teams.rememberTeamId(toVitalId(number))),
  );
  expect(new Set(ids.map(({ teamId }) => teamId)).size).toBe(1);
  expect(await teams.remember(deployments[1])).toEqual(ids[0]);
});

/** Returns a different Vital user for each mapping, because of the unique index. */
function vitalOf(state: Mapping["state"], appUserId: AppUserId) {
  const number = Array.from(appUserId).reduce(
    (sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1e9,
    7,
  );
  return state === "active" ? { vitalUserId: toVitalId(number) } : {};
}
