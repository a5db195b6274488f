import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { unknownUserId, startTestSimulator, type TestSimulator } from "../support/simulator.js";

const dayMs = 24 * 3_600_000;
let clock = Date.parse("2026-11-01T00:00:00Z");
let vital: TestSimulator;
beforeAll(async () => {
  vital = await startTestSimulator({ now: () => clock });
});
afterAll(() => vital.close());

const unknownUser = { detail: "The user does not or no longer exists in this team" };
const deletedUser = { detail: "The user has been scheduled for deletion as per your previous request" };
const success = { success: true };

const remove = (vitalUserId: string) => vital.call("DELETE", `/v2/user/${vitalUserId}`);
const undo = (query: Record<string, string>) =>
  vital.call("POST", `/v2/user/undo_delete?${new URLSearchParams(query).toString()}`);

describe("a patch", () => {
  const patch = (vitalUserId: string, body: unknown) =>
    vital.call("PATCH", `/v2/user/${vitalUserId}`, { body });

  test("changes the given fields, returns 204 without a body, and leaves the other fields", async () => {
    const vitalUserId = await vital.createId("patched");
    await patch(vitalUserId, { fallback_time_zone: "Europe/Paris" });
    const { status, text } = await patch(vitalUserId, { ingestion_end: "2026-12-01" });
    expect([status, text]).toEqual([204, ""]);
    const { body } = await vital.resolve("patched");
    const { users } = (await vital.call("GET", "/v2/user?limit=1")).body as { users: object[] };
    expect(users).toMatchObject([{ user_id: vitalUserId, ingestion_end: "2026-12-01" }]);
    expect(body).toMatchObject({ fallback_time_zone: { id: "Europe/Paris" } });
    await patch(vitalUserId, { fallback_time_zone: null });
    expect((await vital.resolve("patched")).body.fallback_time_zone).toBeNull();
  });

  test("moves a user to another client user id and frees the old one", async () => {
    const vitalUserId = await vital.createId("before");
    expect((await patch(vitalUserId, { client_user_id: "after" })).status).toBe(204);
    expect((await vital.resolve("after")).body.user_id).toBe(vitalUserId);
    expect((await vital.resolve("before")).status).toBe(404);
    expect((await patch(vitalUserId, { client_user_id: "after" })).status).toBe(204);
  });

  test("is rejected when it is invalid", async () => {
    const vitalUserId = await vital.createId("rejected");
    await vital.create("other");
    const nothing = await patch(vitalUserId, {});
    expect([nothing.status, nothing.body]).toEqual([400, { detail: "Nothing to patch" }]);
    const clash = await patch(vitalUserId, { client_user_id: "other" });
    expect([clash.status, clash.body]).toEqual([409, { detail: "Client user id already exists" }]);
    const cleared = await patch(vitalUserId, { client_user_id: null });
    expect([cleared.status, cleared.detail]).toEqual([
      422,
      [
        {
          type: "value_error",
          loc: ["body"],
          msg: "Value error, client_user_id is not a field that can be reset to null.",
          input: { client_user_id: null },
          ctx: { error: {} },
        },
      ],
    ]);
    const unknown = await patch(unknownUserId, { ingestion_end: null });
    expect([unknown.status, unknown.body]).toEqual([404, unknownUser]);
    await remove(vitalUserId);
    const deleted = await patch(vitalUserId, { ingestion_end: null });
    expect([deleted.status, deleted.body]).toEqual([404, deletedUser]);
  });
});

describe("a deletion", () => {
  test("hides the user from every operation, and each has its own error text", async () => {
    const vitalUserId = await vital.createId("gone");
    const deleted = await remove(vitalUserId);
    expect([deleted.status, deleted.body]).toEqual([200, success]);
    const again = await remove(vitalUserId);
    expect([again.status, again.body]).toEqual([404, deletedUser]);
    const read = await vital.call("GET", `/v2/user/${vitalUserId}`);
    expect([read.status, read.body]).toEqual([404, { detail: "You have scheduled this user for deletion." }]);
    const resolved = await vital.resolve("gone");
    expect([resolved.status, resolved.body]).toEqual([404, { detail: "User not found" }]);
    const token = await vital.token(vitalUserId);
    expect([token.status, token.body]).toEqual([404, deletedUser]);
  });

  test("returns 404 for an unknown user and 422 for an invalid UUID", async () => {
    const unknown = await remove(unknownUserId);
    expect([unknown.status, unknown.body]).toEqual([404, unknownUser]);
    const nonsense = await remove("nonsense");
    expect([nonsense.status, nonsense.detail]).toMatchObject([422, [{ type: "uuid_parsing" }]]);
  });

  test("frees the client user id for a new user immediately", async () => {
    const first = await vital.createId("again");
    await remove(first);
    const { status, body } = await vital.create("again");
    expect(status).toBe(200);
    expect(body.user_id).not.toBe(first);
    expect((await vital.resolve("again")).body.user_id).toBe(body.user_id);
  });

  test("is final after seven days", async () => {
    const vitalUserId = await vital.createId("week");
    await remove(vitalUserId);
    clock += 7 * dayMs;
    const read = await vital.call("GET", `/v2/user/${vitalUserId}`);
    expect([read.status, read.body]).toEqual([404, { detail: "Not found" }]);
    expect((await undo({ user_id: vitalUserId })).body).toEqual(unknownUser);
    expect((await undo({ client_user_id: "week" })).status).toBe(404);
  });
});

describe("undoing a deletion", () => {
  test("restores the same user, identified by either id, in the query or in a body", async () => {
    const vitalUserId = await vital.createId("back");
    const undos = [
      () => undo({ user_id: vitalUserId }),
      () => undo({ client_user_id: "back" }),
      () => vital.call("POST", "/v2/user/undo_delete", { body: { user_id: vitalUserId } }),
    ];
    for (const restore of undos) {
      await remove(vitalUserId);
      const { status, body } = await restore();
      expect([status, body]).toEqual([200, success]);
      expect((await vital.resolve("back")).body.user_id).toBe(vitalUserId);
    }
  });

  test("is rejected once a new user has the client user id", async () => {
    const first = await vital.createId("replaced");
    await remove(first);
    const second = await vital.createId("replaced");
    const rejected = await undo({ user_id: first });
    expect(rejected.status).toBe(400);
    expect(rejected.detail).toMatch("A new user has been created");
    expect((await undo({ client_user_id: "replaced" })).status).toBe(400);
    expect((await vital.resolve("replaced")).body.user_id).toBe(second);
  });

  test("needs exactly one id of a deleted user", async () => {
    const vitalUserId = await vital.createId("alive");
    expect((await undo({ user_id: vitalUserId })).status).toBe(400);
    expect((await undo({ client_user_id: "alive" })).status).toBe(400);
    expect((await undo({ user_id: unknownUserId })).status).toBe(404);
    expect((await undo({})).status).toBe(422);
    expect((await undo({ user_id: unknownUserId, client_user_id: "alive" })).status).toBe(422);
    expect((await undo({ user_id: "nonsense" })).status).toBe(422);
  });
});
