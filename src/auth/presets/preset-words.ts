import type { ClaimPath, ClaimRequirement, ScopeClaim } from "../policy.js";

/** What many presets say. */
export const guid = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
export const anyHost = /^https?:\/\/[^/]+$/;
export const anyAddress = /^https?:\/\/.+$/;

export const words = (claim: string): ScopeClaim => ({ claim, form: "words" });
export const list = (claim: string): ScopeClaim => ({ claim, form: "list" });
export const sub = (matches: RegExp, because: string): ClaimRequirement => ({
  claim: "sub",
  matches,
  because,
});
export const present = (claim: ClaimPath, because: string): ClaimRequirement => ({ claim, because });
