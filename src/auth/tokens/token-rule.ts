import type { AuthPolicy } from "../policy.js";
import type { Finding, ReadToken } from "./read-token.js";

/** One check of a token. `find` returns the problem, or `null` when the token passes. */
export type TokenRule = Readonly<{
  check: string;
  expects: string;
  find(token: ReadToken, nowSeconds: number): Finding | null;
}>;

/** Creates a rule from the values of a policy. */
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

/** Formats values for a message: `"a" or "b"`. */
export const formatAlternatives = (values: readonly string[]): string =>
  values.map((value) => JSON.stringify(value)).join(" or ");

/** Formats an untrusted value so that it is short and safe in a log line. */
export const formatValue = (value: unknown): string =>
  value === undefined ? "missing" : JSON.stringify(value).slice(0, 200);
