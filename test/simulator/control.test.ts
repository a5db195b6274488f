import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { unknownUserId, startTestSimulator, type TestSimulator } from "../support/simulator.js";

let vital: TestSimulator;
beforeAll(async () => {
  vital = await startTestSimulator();
});
afterAll(() => vital.close());
beforeEach(() => vital.call("POST", "/__simulator/reset", { key: null }));

type LedgerEntry = { vitalUserId: string; clientUserId: string; teamId: string; deletedAt: string | null };
const ledger = async (query = "") => (await vital.read(`ledger${query}`)).users as LedgerEntry[];

test("the ledger holds every user ever created, of all teams, in order", async () => {
  const first = await vital.createId("u1");
  await vital.call("DELETE", `/v2/user/${first}`);
  const second = await vital.createId("u1");
  const third = await vital.createId("u2", "sk_eu_team-b_1");
  const entries = await ledger();
  expect(entries).toEqual([
    {
      vitalUserId: first,
      clientUserId: "u1",
      teamId: entries[1]?.teamId,
      createdAt: expect.stringMatching(/Z$/) as string,
      deletedAt: expect.stringMatching(/Z$/) as string,
    },
    expect.objectContaining({ vitalUserId: second, clientUserId: "u1", deletedAt: null }),
    expect.objectContaining({ vitalUserId: third, clientUserId: "u2" }),
  ]);
  expect(entries[2]?.teamId).not.toBe(entries[1]?.teamId);
});

test("the ledger can be filtered by client user id", async () => {
  await vital.create("a b/c&d");
  await vital.create("other");
  const found = await ledger(`?clientUserId=${encodeURIComponent("a b/c&d")}`);
  expect(found).toMatchObject([{ clientUserId: "a b/c&d" }]);
  expect(await ledger("?clientUserId=unknown")).toEqual([]);
});

test("requests are counted by route and status, without an id, a key or a token", async () => {
  const vitalUserId = await vital.createId("counted");
  await vital.create("counted");
  const token = await vital.token(vitalUserId);
  await vital.token(unknownUserId);
  await vital.resolve("counted");
  await vital.call("GET", "/secret?key=secret");
  const { requests } = await vital.read("requests");
  expect(requests).toHaveLength(6);
  expect(requests).toEqual(
    expect.arrayContaining([
      { method: "POST", path: "/v2/user", status: 200, count: 1 },
      { method: "POST", path: "/v2/user", status: 400, count: 1 },
      { method: "POST", path: "/v2/user/:user_id/sign_in_token", status: 200, count: 1 },
      { method: "POST", path: "/v2/user/:user_id/sign_in_token", status: 404, count: 1 },
      { method: "GET", path: "/v2/user/resolve/:client_user_id", status: 200, count: 1 },
      { method: "GET", path: "(unknown)", status: 404, count: 1 },
    ]),
  );
  const text = JSON.stringify(requests);
  for (const secret of [vitalUserId, "sk_us", "secret", String(token.body.sign_in_token)]) {
    expect(text).not.toContain(secret);
  }
});

test("the timeline lists the requests in order, and can be limited to those since a given time", async () => {
  const startedAt = Date.now();
  await vital.create("t1");
  await vital.fault({ operation: "create-user", kind: "reset", times: 1 });
  await vital.create("t2").catch(() => null);
  const { timeline } = await vital.read(`timeline?since=${startedAt}`);
  expect(timeline).toEqual([
    { at: expect.any(Number) as number, operation: "create-user", status: 200 },
    { at: expect.any(Number) as number, operation: "create-user", status: null },
  ]);
  expect((await vital.read(`timeline?since=${Date.now() + 1000}`)).timeline).toEqual([]);
});

test("a reset removes users, faults and logs", async () => {
  await vital.create("before");
  await vital.fault({ operation: "*", kind: "status", status: 500 });
  await vital.call("POST", "/__simulator/reset", { key: null });
  expect(await ledger()).toEqual([]);
  expect((await vital.read("requests")).requests).toEqual([]);
  expect((await vital.read("timeline")).timeline).toEqual([]);
  expect((await vital.create("before")).status).toBe(200);
});
