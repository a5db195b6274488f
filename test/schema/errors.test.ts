import { GraphQLError } from "graphql";
import { describe, expect, test } from "vitest";
import { createErrorPresenter } from "../../schema/errors.js";
import { errorTable, ServiceError, type ErrorCode } from "../../src/core/errors.js";
import { createRecordingLog } from "../support/recording-log.js";

function createPresenter() {
  const { log, lines } = createRecordingLog();
  const present = createErrorPresenter({ log, newErrorId: () => "e1" });
  return { present, lines };
}

test.each(Object.keys(errorTable) as ErrorCode[])("%s is presented by the table", (code) => {
  const { present } = createPresenter();
  const { message, extensions } = present(new ServiceError(code), "r1");
  expect(message).toBe(errorTable[code].message);
  expect(extensions).toMatchObject({ code, retryable: errorTable[code].retryable, requestId: "r1" });
});

test("the reason of an error is logged and not shown", () => {
  const { present, lines } = createPresenter();
  const presented = present(new ServiceError("UNAUTHENTICATED", { reason: "the audience is another" }), "r1");
  expect(JSON.stringify(presented)).not.toContain("audience");
  expect(lines).toEqual([
    {
      level: "info",
      phrase: "request rejected",
      fields: { requestId: "r1", code: "UNAUTHENTICATED", reason: "the audience is another" },
    },
  ]);
});

test("a service error is found inside the errors that wrap it, and keeps its path", () => {
  const { present } = createPresenter();
  const inner = new GraphQLError("x", {
    originalError: new ServiceError("RATE_LIMITED", { retryAfterMs: 2_001 }),
  });
  const wrapped = new GraphQLError("y", { originalError: inner, path: ["vitalSignInToken"] });
  expect(present(wrapped, "r1")).toEqual({
    message: "Too many requests.",
    path: ["vitalSignInToken"],
    extensions: { code: "RATE_LIMITED", retryable: true, requestId: "r1", retryAfterSeconds: 3 },
  });
});

describe("a bug is masked", () => {
  const masked = {
    message: "Internal server error.",
    extensions: { code: "INTERNAL_SERVER_ERROR", retryable: true, requestId: "r1", errorId: "e1" },
  };

  test.each([
    ["an error", new Error("hunter2")],
    ["a string", "hunter2"],
    ["nothing", undefined],
    ["a GraphQL error without a code", new GraphQLError("hunter2")],
    ["an error with a code of its own", new GraphQLError("hunter2", { extensions: { code: "HUNTER2" } })],
  ])("%s", (_name, thrown) => {
    const { present, lines } = createPresenter();
    expect(present(thrown, "r1")).toEqual(masked);
    expect(lines[0]?.fields).toMatchObject({ requestId: "r1", errorId: "e1", err: thrown });
  });

  test("also when a resolver presents it as the caller's mistake", () => {
    const { present } = createPresenter();
    const dressed = new GraphQLError("hunter2", { path: ["viewer"], extensions: { code: "BAD_USER_INPUT" } });
    expect(present(dressed, "r1")).toEqual({ ...masked, path: ["viewer"] });
  });
});

test("a mistake of the caller keeps Apollo's code and its message, but no suggestion", () => {
  const { present, lines } = createPresenter();
  const message = 'Cannot query field "viewr" on type "Query". Did you mean "viewer"?';
  const error = new GraphQLError(message, { extensions: { code: "GRAPHQL_VALIDATION_FAILED", other: 1 } });
  expect(present(error, "r1")).toEqual({
    message: 'Cannot query field "viewr" on type "Query".',
    extensions: { code: "GRAPHQL_VALIDATION_FAILED", retryable: false, requestId: "r1" },
  });
  expect(lines).toEqual([]);
});
