import { describe, expect, test } from "vitest";
import { allSecrets, startIngressForFile, startIngressForTest } from "../../support/http/test-ingress.js";

const ingress = await startIngressForFile();

const userId = "4f6a7b8c-0000-4000-8000-0000000000ff";
const adminId = "0ad10ad1-0000-4000-8000-000000000001";
const time = 1795167000000;

/** The event that Phase Two's extension sends when a user causes it. */
const accessEvent = (type: string, more: object = {}) => ({
  uid: "e1",
  time,
  realmId: "example",
  type: `access.${type}`,
  authDetails: { realmId: "example", userId },
  details: {},
  ...more,
});

/** Keycloak's own `AdminEvent`. */
const adminEvent = (operationType: string, more: object = {}) => ({
  id: "e1",
  time,
  realmId: "example",
  authDetails: { realmId: "master", userId: adminId },
  resourceType: "USER",
  operationType,
  resourcePath: `users/${userId}`,
  ...more,
});

const minimal = { type: "REGISTER", userId };

describe("signups and deletions", () => {
  test.each([
    ["a registration at Phase Two's extension", accessEvent("REGISTER"), "user.created"],
    ["an account deletion at Phase Two's extension", accessEvent("DELETE_ACCOUNT"), "user.deleted"],
    [
      "a user that an administrator creates",
      adminEvent("CREATE", { type: "admin.USER-CREATE" }),
      "user.created",
    ],
    [
      "a user that an administrator deletes",
      adminEvent("DELETE", { type: "admin.USER-DELETE" }),
      "user.deleted",
    ],
    [
      "a registration in Keycloak's own format",
      { ...minimal, realmId: "example", time, id: "e1" },
      "user.created",
    ],
    [
      "an account deletion in Keycloak's own format",
      { type: "DELETE_ACCOUNT", userId, realmId: "example" },
      "user.deleted",
    ],
    ["an administrator's creation in Keycloak's own format", adminEvent("CREATE"), "user.created"],
    ["an administrator's deletion in Keycloak's own format", adminEvent("DELETE"), "user.deleted"],
    [
      "an administrator's event with a type instead of an operation",
      { type: "USER-DELETE", userId: adminId, resourcePath: `users/${userId}` },
      "user.deleted",
    ],
    ["a minimal registration", minimal, "user.created"],
    ["an event with an empty error", accessEvent("REGISTER", { error: null }), "user.created"],
  ])("%s is recorded for the user, not for the administrator", async (_title, message, type) => {
    const response = await ingress.postAsBearer(message);
    expect(response).toMatchObject({ status: 202, body: { accepted: 1, ignored: 0 } });
    expect(ingress.recorded).toMatchObject([{ type, appUserId: userId }]);
    expect(ingress.counted).toEqual(["keycloak accepted"]);
  });

  test.each([
    ["a number", accessEvent("REGISTER"), "e1"],
    ["a string of digits", accessEvent("REGISTER", { uid: undefined, id: "e2", time: String(time) }), "e2"],
  ])("an event has its own id, and its own time if it is %s", async (_title, message, id) => {
    await ingress.postAsBearer(message);
    expect(ingress.recorded).toMatchObject([{ id, occurredAt: new Date(time) }]);
  });

  test("a batch is accepted", async () => {
    const response = await ingress.postAsBearer([accessEvent("REGISTER"), adminEvent("DELETE")]);
    expect(response.body).toEqual({ accepted: 2, ignored: 0 });
  });
});

describe("other events", () => {
  test.each([
    ["LOGIN", accessEvent("LOGIN")],
    ["REGISTER_ERROR", { ...minimal, type: "REGISTER_ERROR", realmId: "example" }],
    ["REGISTER", accessEvent("REGISTER", { error: "email_in_use" })],
    ["USER-UPDATE", adminEvent("UPDATE")],
    [
      "REALM_ROLE_MAPPING-DELETE",
      adminEvent("DELETE", {
        resourceType: "REALM_ROLE_MAPPING",
        resourcePath: `users/${userId}/role-mappings`,
      }),
    ],
    [
      // Keycloak reports that a link to an identity provider was removed as a deletion of the type USER.
      "USER-DELETE.sub-resource",
      adminEvent("DELETE", { resourcePath: `users/${userId}/federated-identity/google` }),
    ],
    ["USER-CREATE.sub-resource", adminEvent("CREATE", { resourcePath: "groups/g1" })],
  ])("of the type %s are ignored", async (type, message) => {
    const response = await ingress.postAsBearer(message);
    expect(response).toMatchObject({ status: 202, body: { accepted: 0, ignored: 1 } });
    expect(ingress.counted).toEqual(["keycloak ignored"]);
    expect(ingress.ignoredTypes).toEqual([type]);
  });

  test.each([
    ["no user id", { type: "access.REGISTER", realmId: "example" }],
    ["no path", adminEvent("DELETE", { resourcePath: undefined })],
  ])("a signup or deletion with %s is rejected", async (_title, message) => {
    const response = await ingress.postAsBearer(message);
    expect(response).toMatchObject({ status: 400, body: { code: "MISSING_USER_ID" } });
  });

  test("the gateway's own format is not mistaken for Keycloak's", async () => {
    const message = { type: "user.created", realmId: "example", userId: "other", data: { id: "u1" } };
    await ingress.postAsBearer(message);
    expect(ingress.recorded).toMatchObject([{ appUserId: "u1" }]);
    expect(ingress.counted).toEqual(["own accepted"]);
  });

  test("a type that the settings name keeps the meaning that they give it", async () => {
    const custom = await startIngressForTest({
      ...allSecrets,
      EVENTS_USER_ID_POINTER: "/account/id",
      EVENTS_CREATED_TYPES: "REGISTER",
    });
    await custom.postAsBearer({ ...minimal, account: { id: "a1" } });
    expect(custom.recorded).toMatchObject([{ type: "user.created", appUserId: "a1" }]);
    expect(custom.counted).toEqual(["custom accepted"]);
  });
});
