import type { AuthPolicy } from "../policy.js";
import type { Finding, ReadToken } from "./read-token.js";

/** One rule that a token must keep: its name, what it asks for, and what is wrong with a token (`null`: nothing). */
export type TokenRule = Readonly<{
  check: string;
  expects: string;
  find(token: ReadToken, nowSeconds: number): Finding | null;
}>;

/** Makes a rule of what a policy says. */
export type Rule = (policy: AuthPolicy) => TokenRule;

/** Values for a message: `"a" or "b"`. */
export const either = (values: readonly string[]): string =>
  values.map((value) => JSON.stringify(value)).join(" or ");
