import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toAppUserId, type AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { fitsInPath, toClientUserId } from "../../../src/core/vital/client-user-id.js";

const prefix = "base64url.";

/** Returns the app user id of a client user id, as an operator or an import would decode it. */
const decode = (clientUserId: string): string =>
  clientUserId.startsWith(prefix)
    ? Buffer.from(clientUserId.slice(prefix.length), "base64url").toString("utf8")
    : clientUserId;

/** Every code point of well-formed Unicode that may be part of an app user id. */
function* listCodePoints(): Generator<string> {
  for (let codePoint = 0x20; codePoint <= 0x10_ffff; codePoint += 1) {
    if (codePoint === 0xd800) codePoint = 0xe000;
    const text = String.fromCodePoint(codePoint);
    if (toAppUserId(text + text) !== null) yield text;
  }
}

const idOf = (text: string) => text as AppUserId;

describe("the client user id", () => {
  test.each([
    "auth0|5f7c8ec7c33c6c004bbafe82",
    "user_2abcDEF",
    "8c3a2f0e-1111-4222-8333-9c9c9c9c9c9c",
    "google-oauth2|1234",
    "ada@example.com",
    "a+b=c,d;e:f&g$h!i*j'k(l)m~n_o-p.q",
    "ada lovelace",
    "zoë",
    "用户",
    "😀",
    "__proto__",
    "x".repeat(256),
  ])("of %s is the app user id itself", (appUserId) => {
    expect(toClientUserId(idOf(appUserId))).toBe(appUserId);
  });

  test.each([
    ["a slash, as in base64", "q+/Zu3==", "base64url.cSsvWnUzPT0"],
    ["a path", "tenants/7/users/ada", "base64url.dGVuYW50cy83L3VzZXJzL2FkYQ"],
    ["a dot segment", "a/../b", "base64url.YS8uLi9i"],
    ["a backslash", "CORP\\ada", "base64url.Q09SUFxhZGE"],
    ["an encoded slash", "a%2Fb", "base64url.YSUyRmI"],
    ["a slash that was encoded twice", "a%252Fb", "base64url.YSUyNTJGYg"],
    ["a query", "a?b", "base64url.YT9i"],
    ["a fragment", "a#b", "base64url.YSNi"],
    ["a space at the start", " ada", "base64url.IGFkYQ"],
    ["a no-break space at the end", "ada\u00a0", "base64url.YWRhwqA"],
    ["decomposed letters", "zoe\u0308", "base64url.em9lzIg"],
    ["the prefix of encoded ids", "base64url.YSNi", "base64url.YmFzZTY0dXJsLllTTmk"],
  ])("of an app user id with %s is encoded", (_what, appUserId, clientUserId) => {
    expect(toClientUserId(idOf(appUserId))).toBe(clientUserId);
    expect(decode(clientUserId)).toBe(appUserId);
  });

  test("fits in a path and leads back to the app user id, with every code point in every position", () => {
    const problems: string[] = [];
    let count = 0;
    for (const text of listCodePoints()) {
      for (const appUserId of [text, `${text}ab`, `a${text}b`, `ab${text}`]) {
        if (toAppUserId(appUserId) === null) continue;
        const clientUserId = toClientUserId(idOf(appUserId));
        count += 1;
        if (!fitsInPath(clientUserId) || decode(clientUserId) !== appUserId) problems.push(appUserId);
      }
    }
    expect(problems).toEqual([]);
    expect(count).toBeGreaterThan(4_000_000);
  }, 60_000);

  const unit = fc.oneof(
    fc.constantFrom(
      "/",
      "\\",
      "%",
      "2F",
      "25",
      "?",
      "#",
      " ",
      ".",
      prefix,
      "YS9i",
      "e",
      "\u0301",
      "é",
      "\u00a0",
    ),
    fc.string({ unit: "binary", minLength: 1, maxLength: 3 }),
  );
  const appUserIds = fc
    .array(unit, { minLength: 1, maxLength: 8 })
    .map((parts) => parts.join(""))
    .filter((text) => toAppUserId(text) !== null)
    .map(idOf);

  test("of two app users is never the same", () => {
    fc.assert(
      fc.property(appUserIds, appUserIds, (one, other) => {
        if (one !== other) expect(toClientUserId(one)).not.toBe(toClientUserId(other));
        expect(decode(toClientUserId(one))).toBe(one);
      }),
      { numRuns: 20_000 },
    );
  });

  test("survives a router that decodes once, and a proxy that decodes before it", () => {
    fc.assert(
      fc.property(appUserIds, (appUserId) => {
        const clientUserId = toClientUserId(appUserId);
        const once = decodeURIComponent(`/v2/user/resolve/${encodeURIComponent(clientUserId)}`);
        expect(once.split("/")).toEqual(["", "v2", "user", "resolve", clientUserId]);
        expect(decodeURIComponent(once)).toBe(once);
        expect(once.normalize("NFC").trim()).toBe(once);
        expect(decodeURIComponent(new URL(once, "http://vital").pathname)).toBe(once);
      }),
      { numRuns: 20_000 },
    );
  });
});

test.each(["", ".", "..", "a/b", "a%b", " a", "e\u0301"])("%j does not fit in a path", (clientUserId) => {
  expect(fitsInPath(clientUserId)).toBe(false);
});
