import { describe, expect, test } from "vitest";
import {
  createUserIdCollisions,
  identityClaims,
  type UserIdCollision,
} from "../../src/auth/tokens/user-id-collisions.js";
import { createManualClock } from "../support/manual-clock.js";

function startTest(options: { maxUserIds?: number } = {}) {
  const clock = createManualClock();
  const reports: UserIdCollision[] = [];
  const report = (collision: UserIdCollision) => void reports.push(collision);
  const collisions = createUserIdCollisions({ now: clock.now, report, ...options });
  const observe = (appUserId: string, claims: Record<string, unknown>, userIdClaim = "sub") => {
    collisions.observe(
      { iss: "https://idp.example.com", azp: "app", [userIdClaim]: appUserId, ...claims },
      { userIdClaim, appUserId },
    );
  };
  return { clock, reports, observe, size: collisions.size };
}

describe("an app user id that several people share is reported", () => {
  test.each(Object.entries(identityClaims).filter(([claim]) => claim !== "sub"))(
    "once, when the claim %s has had %i values",
    (claim, limit) => {
      const { reports, observe } = startTest();
      for (let index = 1; index < limit; index += 1) observe("constant", { [claim]: `person-${index}` });
      expect(reports).toEqual([]);
      for (let index = limit; index < 20; index += 1) observe("constant", { [claim]: `person-${index}` });
      expect(reports).toEqual([{ userIdClaim: "sub", claim, values: limit }]);
    },
  );

  test("from sub, when another claim contains the user id", () => {
    const { reports, observe } = startTest();
    for (const sub of ["a", "b", "c"]) observe("constant", { sub }, "customer");
    expect(reports).toEqual([{ userIdClaim: "customer", claim: "sub", values: 3 }]);
  });

  test("again after ten minutes, while the id is still shared", () => {
    const { clock, reports, observe } = startTest();
    const signIn = () => {
      for (const oid of ["a", "b", "c"]) observe("constant", { oid });
    };
    signIn();
    signIn();
    clock.advance(600_000);
    signIn();
    expect(reports.length).toBe(2);
  });

  test("although many more users than are remembered sign in at the same time", () => {
    const { reports, observe, size } = startTest({ maxUserIds: 100 });
    for (let index = 0; index < 1000; index += 1) {
      observe(`own-${index}`, { email: `own-${index}@example.com` });
      if (index % 50 === 0) observe("constant", { email: `person-${index}@example.com` });
    }
    expect(reports.length).toBe(1);
    expect(size()).toBeLessThanOrEqual(100);
  });
});

describe("nothing is reported", () => {
  test.each([
    ["a user who changes the e-mail address", [{ email: "old@example.com" }, { email: "new@example.com" }]],
    ["another case of the same address", ["ann@x.io", "Ann@x.io", "ANN@X.IO"].map((email) => ({ email }))],
    [
      "a pairwise subject in each client",
      ["ios", "android", "web", "watch"].map((azp) => ({ azp, sub: `pairwise-${azp}` })),
    ],
    [
      "many sessions",
      ["1", "2", "3", "4"].map((id) => ({ sid: id, jti: id, session_id: id, iat: Number(id) })),
    ],
    [
      "empty values",
      [{ email: "ann@x.io", phone: "" }, { email: "" }, { email: null }, { email: ["a"] }, {}],
    ],
  ])("for %s", (_name, tokens: Record<string, unknown>[]) => {
    const { reports, observe } = startTest();
    for (const claims of tokens) observe("id-1", claims, "customer");
    expect(reports).toEqual([]);
  });

  test("for another user of the same address, and for the same id at another issuer", () => {
    const { reports, observe } = startTest();
    for (const id of ["1", "2", "3", "4"]) observe(id, { email: "family@example.com", oid: `oid-${id}` });
    for (const iss of ["a", "b", "c"]) observe("5", { iss, oid: `oid-at-${iss}` });
    expect(reports).toEqual([]);
  });

  test("for two values with ten minutes between them", () => {
    const { clock, reports, observe } = startTest();
    observe("id-1", { oid: "before" });
    clock.advance(600_000);
    observe("id-1", { oid: "after" });
    expect(reports).toEqual([]);
  });
});

test("at most ten thousand ids are remembered, and tokens without another identity claim take no memory", () => {
  const { observe, size } = startTest();
  for (let index = 0; index < 2_000; index += 1) observe(`bare-${index}`, { scope: "openid" });
  expect(size()).toBe(0);
  let largest = 0;
  for (let index = 0; index < 32_000; index += 1) {
    observe(`id-${index}`, { email: `${index}@example.com` });
    largest = Math.max(largest, size());
  }
  expect(largest).toBe(10_000);
});
