import type { AuthPolicy } from "../policy.js";
import type { Finding, ReadToken } from "./read-token.js";

/** One rule that a token must keep: its name, what it asks for, and what is wrong with a token (`null`: nothing). */
export type TokenRule = Readonly<{
  check: string;
  expects: string;
  find(token: ReadToken, nowSeconds: number): Finding | null;
}>;

/** Makes a rule of what a policy says. */
export type CreateRule = (policy: AuthPolicy) => TokenRule;

export function findFirstFinding(
  rules: readonly TokenRule[],
  token: ReadToken,
  nowSeconds: number,
): Finding | null {
  for (const rule of rules) {
    const finding = rule.find(token, nowSeconds);
    if (finding !== null) return finding;
  }
  return null;
}

/** Values for a message: `"a" or "b"`. */
export const formatAlternatives = (values: readonly string[]): string =>
  values.map((value) => JSON.stringify(value)).join(" or ");

/** A stranger's value, short enough and safe for a log line. */
export const formatValue = (value: unknown): string =>
  value === undefined ? "none" : JSON.stringify(value).slice(0, 200);
