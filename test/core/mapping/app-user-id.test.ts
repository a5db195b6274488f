import fc from "fast-check";
import { expect, test } from "vitest";
import { appUserIdProblem, signupUserIdProblem, toAppUserId } from "../../../src/core/mapping/app-user-id.js";

test.each([
  "u1",
  "auth0|64f1",
  "ada@example.com",
  "  spaces are part of it ",
  "__proto__",
  "$where",
  "a.b",
  "../..",
  "…",
  "a/b?c=d#e",
  "İi̇ﬀ",
  "\u00e9", // é as one code point and, on the next line, as two: these are two users
  "e\u0301",
  "👩‍👩‍👧‍👦",
  "x".repeat(256),
  "😀".repeat(256),
])("%j is a valid app user id, and is not changed", (id) => {
  expect(appUserIdProblem(id)).toBeNull();
  expect(toAppUserId(id)).toBe(id);
});

test.each([
  ["", "must not be empty"],
  [".", 'must not be "." or ".."'],
  ["..", 'must not be "." or ".."'],
  ["x".repeat(257), "must have at most 256 characters"],
  ["😀".repeat(257), "must have at most 256 characters"],
  ["x".repeat(1_000_000), "must have at most 256 characters"],
  ["a\0b", "must not contain control characters"],
  ["a\nb", "must not contain control characters"],
  ["a\u007fb", "must not contain control characters"],
  ["a\u0085b", "must not contain control characters"],
  ["a\ud800b", "must be well-formed Unicode"],
  ["\udc00", "must be well-formed Unicode"],
  [7, "must be a string"],
  [null, "must be a string"],
  [undefined, "must be a string"],
  [{ toString: () => "u1" }, "must be a string"],
  [["u1"], "must be a string"],
])("%j is rejected as an app user id, with the reason", (value, problem) => {
  expect(appUserIdProblem(value)).toBe(problem);
  expect(toAppUserId(value)).toBeNull();
});

test.each([
  "undefined",
  " NULL ",
  "(null)",
  "<nil>",
  "None",
  "NaN",
  "[object Object]",
  "Not supported currently. Use oid claim.",
  "{{ user.user_id }}",
  "${USER_ID}",
])("%j is valid, so that its mapping can be read, but no signup can be about it", (id) => {
  expect(appUserIdProblem(id)).toBeNull();
  expect(signupUserIdProblem(id)).toBe(`is ${JSON.stringify(id)}, which is not the id of one user`);
});

test.each(["u1", "nullable", "a|none", "{u1}", "<u1>", "/", "-1", "0", "💤"])(
  "a signup can be about %j",
  (id) => {
    expect(signupUserIdProblem(id)).toBeNull();
  },
);

test("every accepted id survives all encodings unchanged", () => {
  const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme-ascii" }));
  fc.assert(
    fc.property(anyText, (text) => {
      const id = toAppUserId(text);
      if (id === null) return;
      expect(Buffer.from(id, "utf8").toString("utf8")).toBe(text);
      expect(decodeURIComponent(encodeURIComponent(id))).toBe(text);
      const path = new URL(`https://vital.example/v2/user/resolve/${encodeURIComponent(id)}`).pathname;
      expect(decodeURIComponent(path.slice("/v2/user/resolve/".length))).toBe(text);
    }),
  );
});
