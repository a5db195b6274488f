import { describe, expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import type { ReceivedEvent } from "../../../src/core/mapping/signup-event.js";
import { createFakeVital } from "../../support/core/fake-vital.js";
import { startCoreProcess } from "../../support/core/core-process.js";
import { toReceivedEvent } from "../../support/core/mapping-fixtures.js";
import { createMemoryStore, createMemoryTeamStore } from "../../support/core/memory-store.js";
import { createTestContext } from "../../support/core/test-context.js";
import { createManualClock } from "../../support/manual-clock.js";

const ada = "auth0|ada" as AppUserId;

function start() {
  const clock = createManualClock();
  const store = createMemoryStore();
  const blocked: ReceivedEvent[] = [];
  const process = startCoreProcess({
    store,
    teams: createMemoryTeamStore(),
    vital: createFakeVital().api,
    now: clock.now,
    onBlockedDeletion: (event) => void blocked.push(event),
  });
  const inSeconds = (seconds: number) => new Date(clock.now().getTime() + seconds * 1000);
  type Details = { id?: string; at?: Date };
  const toEvent = (type: ReceivedEvent["type"], details: Details) =>
    toReceivedEvent(ada, type, { ...details, arrivedAt: clock.now() });
  return {
    clock,
    store,
    blocked,
    inSeconds,
    /** Delivers an event at this moment. */
    signUp: (details: Details) => process.recordAll([toEvent("user.created", details)]),
    delete: (details: Details) => process.recordAll([toEvent("user.deleted", details)]),
    find: () => process.find(ada),
  };
}

describe("an event that arrives again", () => {
  test("changes nothing and writes nothing, whatever has happened since", async () => {
    const app = start();
    await app.signUp({ id: "e1" });
    app.clock.advance(60_000);
    await app.delete({ id: "e2" });
    app.clock.advance(60_000);
    await app.signUp({ id: "e3" });
    const before = await app.find();
    app.clock.advance(60_000);
    await app.delete({ id: "e2" });
    await app.signUp({ id: "e1" });
    expect(await app.find()).toEqual(before);
  });

  test("changes nothing when its sender gives every attempt another time", async () => {
    const app = start();
    await app.signUp({ id: "e1", at: app.inSeconds(0) });
    await app.delete({ id: "e2", at: app.inSeconds(10) });
    const deleting = await app.find();
    app.clock.advance(60_000);
    await app.signUp({ id: "e1", at: app.inSeconds(0) });
    expect(await app.find()).toEqual(deleting);
  });

  test("changes nothing when it was late at its first arrival", async () => {
    const app = start();
    await app.delete({ id: "e2", at: app.inSeconds(10) });
    await app.signUp({ id: "e1", at: app.inSeconds(0) });
    await app.signUp({ id: "e1", at: app.inSeconds(20) });
    expect(await app.find()).toMatchObject({ state: "deleting", lastEvent: { type: "user.deleted" } });
  });

  test("changes nothing when its time is hours ahead and the deletion's is too", async () => {
    const app = start();
    const [signedUpAt, deletedAt] = [app.inSeconds(7200), app.inSeconds(7260)];
    await app.signUp({ at: signedUpAt });
    app.clock.advance(60_000);
    await app.delete({ at: deletedAt });
    const deleting = await app.find();
    expect(deleting?.state).toBe("deleting");
    app.clock.advance(3 * 3600_000);
    await app.signUp({ at: signedUpAt });
    expect(await app.find()).toEqual({ ...deleting, eventKeys: expect.anything() as unknown });
  });

  test("is recognized by its content when it has neither an id nor a time", async () => {
    const app = start();
    await app.delete({});
    app.clock.advance(60_000);
    await app.signUp({ id: "e1" });
    await app.delete({});
    expect(await app.find()).toMatchObject({ lastEvent: { type: "user.created" } });
  });

  test("is recognized in a mapping of an earlier version, which has no keys", async () => {
    const app = start();
    await app.delete({ id: "e1", at: app.inSeconds(0) });
    const deleting = await app.find();
    if (deleting === null) throw new Error("no mapping");
    await app.store.replace(deleting, { ...deleting, eventKeys: [] });
    await app.signUp({ id: "e2", at: app.inSeconds(5) });
    await app.delete({ id: "e1", at: app.inSeconds(9) });
    expect(await app.find()).toMatchObject({ lastEvent: { id: "e2" } });
  });
});

describe("events that are not the same", () => {
  test("a deletion with the id of the signup is applied", async () => {
    const app = start();
    await app.signUp({ id: "e1", at: app.inSeconds(0) });
    await app.delete({ id: "e1", at: app.inSeconds(1) });
    expect(await app.find()).toMatchObject({ state: "deleting" });
  });

  test("a sender that uses the user's id as the event id can report a second signup by its time", async () => {
    const app = start();
    await app.signUp({ id: ada, at: app.inSeconds(0) });
    await app.delete({ id: ada, at: app.inSeconds(1) });
    await app.signUp({ id: ada, at: app.inSeconds(2) });
    expect(await app.find()).toMatchObject({ lastEvent: { type: "user.created", at: app.inSeconds(2) } });
    await app.signUp({ id: ada, at: app.inSeconds(0) });
    await app.delete({ id: ada, at: app.inSeconds(1) });
    expect(await app.find()).toMatchObject({ lastEvent: { type: "user.created", at: app.inSeconds(2) } });
  });
});

describe("a deletion and a signup with a time in the future", () => {
  test("a deletion with a time of the present is not applied, and reported", async () => {
    const app = start();
    await app.signUp({ id: "e1", at: app.inSeconds(7200) });
    await app.delete({ id: "e2", at: app.inSeconds(60) });
    expect(await app.find()).toMatchObject({ state: "pending" });
    expect(app.blocked).toMatchObject([{ id: "e2", type: "user.deleted" }]);
  });

  test("a deletion without a time is applied, because it arrived later", async () => {
    const app = start();
    await app.signUp({ id: "e1", at: app.inSeconds(7200) });
    await app.delete({ id: "e2" });
    expect(await app.find()).toMatchObject({ state: "deleting", lastEvent: { at: app.inSeconds(7200) } });
    expect(app.blocked).toEqual([]);
  });

  test("a late deletion whose time is before a signup of the past is not reported", async () => {
    const app = start();
    await app.signUp({ id: "e1", at: app.inSeconds(0) });
    await app.delete({ id: "e2", at: app.inSeconds(-60) });
    expect(await app.find()).toMatchObject({ state: "pending" });
    expect(app.blocked).toEqual([]);
  });
});

test("a mapping remembers its last 32 events, so its size is bounded", async () => {
  const app = start();
  for (let index = 0; index < 50; index += 1) await app.signUp({ id: `e${index}`, at: app.inSeconds(index) });
  expect((await app.find())?.eventKeys).toHaveLength(32);
});

test("the first signup of a user is one write without a read", async () => {
  const { mappings } = await createTestContext();
  const calls: string[] = [];
  const process = startCoreProcess({
    store: {
      ...mappings,
      find: (id) => (calls.push("find"), mappings.find(id)),
      insert: (mapping) => (calls.push("insert"), mappings.insert(mapping)),
    },
    teams: createMemoryTeamStore(),
    vital: createFakeVital().api,
    now: () => new Date(),
  });
  await process.record(ada, "user.created", 1);
  expect(calls).toEqual(["insert"]);
});
