import { expect, test } from "vitest";
import { parseTokenResponse } from "./token-response.js";

const read = (body: unknown) => parseTokenResponse(JSON.stringify(body));
const error = (extensions: object) => ({ data: null, errors: [{ message: "", extensions }] });

test("a retryable error is typed only if it says how long to wait", () => {
  const extensions = { code: "VITAL_UNAVAILABLE", retryable: true };
  expect(read(error({ ...extensions, retryAfterSeconds: 2 }))).toEqual({
    type: "error",
    code: "VITAL_UNAVAILABLE",
    retryAfterMs: 2000,
  });
  expect(() => read(error(extensions))).toThrow();
  expect(() => read(error({ ...extensions, retryable: false, retryAfterSeconds: 2 }))).toThrow();
});

test("an error without a code, or with an undocumented one, is not typed", () => {
  expect(() => read(error({ retryable: true, retryAfterSeconds: 2 }))).toThrow();
  expect(() => read(error({ code: "OOPS", retryable: true, retryAfterSeconds: 2 }))).toThrow();
  expect(() => read({ data: null })).toThrow();
  expect(() => parseTokenResponse("<html>")).toThrow();
});

test("a token that the mobile SDK cannot decode is rejected", () => {
  const token = { userId: "v1", environment: "SANDBOX", region: "US" };
  expect(() => read({ data: { vitalSignInToken: { ...token, signInToken: "bm90aGluZw==" } } })).toThrow();
});
