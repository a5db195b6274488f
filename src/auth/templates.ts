import type { ClaimRequirement, ClaimTest } from "./policy.js";

/** What fills a `{name}` in a preset's text; reports what is missing and gives "" for it. */
export type FillIn = (name: string) => string;

export const fillText = (text: string, fillIn: FillIn): string =>
  text.replace(/\{(\w+)\}/g, (_place, name: string) => fillIn(name));

const fillTest = <T extends ClaimTest>(test: T, fillIn: FillIn): T =>
  test.is === undefined
    ? test
    : { ...test, is: test.is.map((value) => (typeof value === "string" ? fillText(value, fillIn) : value)) };

export const fillRequirement = (requirement: ClaimRequirement, fillIn: FillIn): ClaimRequirement =>
  "anyOf" in requirement
    ? { ...requirement, anyOf: requirement.anyOf.map((test) => fillTest(test, fillIn)) }
    : fillTest(requirement, fillIn);
