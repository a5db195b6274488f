import type { ClaimCondition, ClaimPath, ClaimRequirement } from "../policy.js";
import { member, type JsonObject, type ReadToken } from "./read-token.js";

const toPath = (claim: ClaimPath): readonly string[] => (typeof claim === "string" ? [claim] : claim);
export const claimName = (claim: ClaimPath): string => toPath(claim).join(".");

/** Returns the value at a path of own members, or `undefined` when there is none. */
export function claimAt(claims: JsonObject, path: ClaimPath): unknown {
  return toPath(path).reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? member(value as JsonObject, name)
        : undefined,
    claims,
  );
}

const isEmpty = (value: unknown): boolean => value === null || value === "";

/** Whether a value meets every restriction of a condition. A value of another type than a restriction expects does not. */
function isAcceptedValue(condition: ClaimCondition, value: unknown, latestPastSecond: number): boolean {
  const { is, isNot, matches, matchesNot, maxLength, past } = condition;
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  return (
    !isEmpty(value) &&
    (is?.some((accepted) => accepted === value) ?? true) &&
    (isNot === undefined || texts.every((text) => typeof text === "string" && !isNot.includes(text))) &&
    (matches === undefined || (typeof value === "string" && matches.test(value))) &&
    (matchesNot === undefined || (typeof value === "string" && !matchesNot.test(value))) &&
    (maxLength === undefined || (typeof value === "string" && value.length <= maxLength)) &&
    (past === undefined || (typeof value === "number" && Number.isFinite(value) && value <= latestPastSecond))
  );
}

function passes(condition: ClaimCondition, token: ReadToken, latestPastSecond: number): boolean {
  const value = claimAt(condition.in === "header" ? token.header : token.claims, condition.claim);
  if (value === undefined) return condition.absent === true || condition.optional === true;
  return condition.absent !== true && isAcceptedValue(condition, value, latestPastSecond);
}

/** Whether a token meets a requirement. `latestPastSecond` is the last second that still counts as past. */
export const meets = (requirement: ClaimRequirement, token: ReadToken, latestPastSecond: number): boolean =>
  "anyOf" in requirement
    ? requirement.anyOf.some((condition) => passes(condition, token, latestPastSecond))
    : passes(requirement, token, latestPastSecond);

function describeCondition(condition: ClaimCondition): string {
  const name = `${condition.in === "header" ? "header parameter" : "claim"} ${claimName(condition.claim)}`;
  if (condition.absent === true) return `no ${name}`;
  const parts = [
    condition.is && `is ${condition.is.map((value) => JSON.stringify(value)).join(" or ")}`,
    condition.isNot && `is not ${condition.isNot.join(" or ")}`,
    condition.matches && `matches ${condition.matches.source}`,
    condition.matchesNot && `does not match ${condition.matchesNot.source}`,
    condition.maxLength && `has at most ${condition.maxLength} characters`,
    condition.past && "is in the past",
  ].filter((part) => typeof part === "string");
  const needs = parts.length > 0 ? parts.join(" and ") : "is present";
  return `${name} ${needs}${condition.optional === true ? " (if present)" : ""}`;
}

/** Describes a requirement without any value of a token. */
export const describeRequirement = (requirement: ClaimRequirement): string =>
  "anyOf" in requirement
    ? requirement.anyOf.map(describeCondition).join(", or ")
    : describeCondition(requirement);
