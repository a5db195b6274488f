import { expect, test } from "vitest";
import { ServiceError } from "../../src/core/errors.js";
import { createOperations } from "../../src/mongo/operations.js";

test("an operation that the driver never settles fails at its deadline, and does not delay the next one", async () => {
  const run = createOperations(50);
  const stuck = run(() => new Promise(() => undefined));
  expect(await run(() => Promise.resolve("found"))).toBe("found");
  await expect(stuck).rejects.toMatchObject({
    code: "SERVICE_UNAVAILABLE",
    reason: "MongoDB: no response within 50 ms",
    retryAfterMs: 2_000,
  });
});

test("every failure of an operation means that the storage is not responding, and keeps its cause", async () => {
  const cause = new TypeError("socket closed");
  const run = createOperations(50);
  await expect(run(() => Promise.reject(cause))).rejects.toMatchObject({
    code: "SERVICE_UNAVAILABLE",
    reason: "MongoDB: TypeError",
    cause,
  });
  const typed = new ServiceError("INTERNAL_SERVER_ERROR", { reason: "a bug" });
  await expect(run(() => Promise.reject(typed))).rejects.toBe(typed);
});

test("an operation without a deadline may take any time", async () => {
  const run = createOperations(0);
  const slow = new Promise((resolve) => setTimeout(resolve, 80, "built"));
  expect(await run(() => slow)).toBe("built");
});
