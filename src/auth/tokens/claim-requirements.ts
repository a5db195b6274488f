import type { ClaimPath, ClaimRequirement, ClaimCondition } from "../policy.js";
import { member, type JsonObject, type ReadToken } from "./read-token.js";

const pathOf = (claim: ClaimPath): readonly string[] => (typeof claim === "string" ? [claim] : claim);
export const claimName = (claim: ClaimPath): string => pathOf(claim).join(".");

/** The value at a path through own members only; `undefined` where there is none. */
export function claimAt(claims: JsonObject, path: ClaimPath): unknown {
  return pathOf(path).reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? member(value as JsonObject, name)
        : undefined,
    claims,
  );
}

const isEmpty = (value: unknown): boolean => value === null || value === "";

/** Whether a value has what the test's members ask for; a value of an unexpected type never has. */
function hasValue(test: ClaimCondition, value: unknown, latest: number): boolean {
  const { is, isNot, matches, matchesNot, maxLength, past } = test;
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  return (
    !isEmpty(value) &&
    (is?.some((accepted) => accepted === value) ?? true) &&
    (isNot === undefined || texts.every((text) => typeof text === "string" && !isNot.includes(text))) &&
    (matches === undefined || (typeof value === "string" && matches.test(value))) &&
    (matchesNot === undefined || (typeof value === "string" && !matchesNot.test(value))) &&
    (maxLength === undefined || (typeof value === "string" && value.length <= maxLength)) &&
    (past === undefined || (typeof value === "number" && Number.isFinite(value) && value <= latest))
  );
}

function passes(test: ClaimCondition, token: ReadToken, latest: number): boolean {
  const value = claimAt(test.in === "header" ? token.header : token.claims, test.claim);
  if (value === undefined) return test.absent === true || test.optional === true;
  return test.absent !== true && hasValue(test, value, latest);
}

/** Whether a token meets a requirement; `latest` is the last second that still counts as past. */
export const meets = (requirement: ClaimRequirement, token: ReadToken, latest: number): boolean =>
  "anyOf" in requirement
    ? requirement.anyOf.some((test) => passes(test, token, latest))
    : passes(requirement, token, latest);

function describeTest(test: ClaimCondition): string {
  const name = `${test.in === "header" ? "header parameter" : "claim"} ${claimName(test.claim)}`;
  if (test.absent === true) return `no ${name}`;
  const parts = [
    test.is && `is ${test.is.map((value) => JSON.stringify(value)).join(" or ")}`,
    test.isNot && `is not ${test.isNot.join(" or ")}`,
    test.matches && `matches ${test.matches.source}`,
    test.matchesNot && `does not match ${test.matchesNot.source}`,
    test.maxLength && `has at most ${test.maxLength} characters`,
    test.past && "is in the past",
  ].filter((part) => typeof part === "string");
  const needs = parts.length > 0 ? parts.join(" and ") : "is there";
  return `${name} ${needs}${test.optional === true ? " (where it is there)" : ""}`;
}

/** What a requirement asks for, without any value of a token. */
export const describeRequirement = (requirement: ClaimRequirement): string =>
  "anyOf" in requirement ? requirement.anyOf.map(describeTest).join(", or ") : describeTest(requirement);
