import { expect, test } from "vitest";
import { toUnexpectedErrorText } from "../../src/cli/error-text.js";

const error = new TypeError("failed at mongodb://user:c4n4ry@host/vital\u001b[31m");

test("a bug is shown as an id and a message, without stack, credentials and control characters", () => {
  const text = toUnexpectedErrorText(error, { errorId: "id-1", showStack: false });
  expect(text).toBe(
    "Unexpected error id-1: TypeError: failed at mongodb://[secret]@host/vital\ufffd[31m\n" +
      "Run the command with LOG_LEVEL=debug for the stack trace, and report this as a bug.",
  );
});

test("a bug is shown with its stack if the log level asks for details", () => {
  const text = toUnexpectedErrorText(error, { errorId: "id-1", showStack: true });
  expect(text).toMatch(/^Unexpected error id-1: TypeError[^]*\n {4}at /);
  expect(text).not.toContain("c4n4ry");
});

test("a thrown value that is no error has an id too", () => {
  expect(toUnexpectedErrorText(null, { errorId: "id-1", showStack: true })).toBe(
    "Unexpected error id-1: null\nnull",
  );
});
