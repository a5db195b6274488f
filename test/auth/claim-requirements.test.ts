import { expect, test } from "vitest";
import { claimAt, describeRequirement } from "../../src/auth/tokens/claim-requirements.js";
import { member, parseJsonObject } from "../../src/auth/tokens/read-token.js";
import { formatValue } from "../../src/auth/tokens/token-rule.js";

const parse = (text: string) => {
  const value = parseJsonObject(Buffer.from(text));
  if (value === null) throw new Error("not an object");
  return value;
};

test("own members of an object are claims, whatever their name, and inherited members are not", () => {
  const claims = parse('{"a":{"b":1},"__proto__":{"sub":"evil"},"list":["x"]}');
  for (const name of ["constructor", "toString", "sub", "hasOwnProperty"]) {
    expect(member(claims, name)).toBeUndefined();
    expect(claimAt(claims, ["a", name])).toBeUndefined();
  }
  expect(member(claims, "__proto__")).toEqual({ sub: "evil" });
  expect(claimAt(claims, ["a", "b"])).toBe(1);
  expect(claimAt(claims, ["list", "0"])).toBeUndefined();
  expect(claimAt(claims, ["a", "b", "c"])).toBeUndefined();
});

test("only an object in valid UTF-8 is parsed", () => {
  for (const bytes of [
    Buffer.from("[]"),
    Buffer.from('"x"'),
    Buffer.from("{"),
    Buffer.from([0x7b, 0xff, 0x7d]),
  ]) {
    expect(parseJsonObject(bytes)).toBeNull();
  }
  expect(parseJsonObject(Buffer.from([...Buffer.from('{"a":"'), 0xff, ...Buffer.from('"}')]))).toBeNull();
});

test("an untrusted value is formatted on one short line", () => {
  expect(formatValue("a\nb\u001b[31m")).toBe('"a\\nb\\u001b[31m"');
  expect(formatValue("x".repeat(1000)).length).toBe(200);
  expect(formatValue(undefined)).toBe("missing");
});

test("a requirement is described without any value of a token", () => {
  expect(describeRequirement({ claim: "token_use", is: ["access"], reason: "" })).toBe(
    'claim token_use is "access"',
  );
  expect(
    describeRequirement({ anyOf: [{ claim: "a", absent: true }, { claim: ["b", "c"] }], reason: "" }),
  ).toBe("no claim a, or claim b.c is present");
});
