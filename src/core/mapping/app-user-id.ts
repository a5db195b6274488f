import { isPlaceholder } from "./placeholder.js";

/** The identity provider's id of a user (`sub` in most tokens): opaque, compared byte for byte. */
export type AppUserId = string & { readonly __brand: "AppUserId" };

/** Vital's id of a user: a UUID in lower case. */
export type VitalUserId = string & { readonly __brand: "VitalUserId" };

const maxCodePoints = 256;
// eslint-disable-next-line no-control-regex -- the expression finds control characters
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Returns why a value is not a valid app user id, or `null` when it is valid.
 *
 * An id is 1 to 256 code points of well-formed Unicode without control characters. `.` and `..` are rejected because
 * URL parsers collapse them, which would turn a call for one user into a call for another resource. A lone surrogate is
 * rejected because encoding it as UTF-8 replaces it, which would merge two users.
 */
export function appUserIdProblem(value: unknown): string | null {
  if (typeof value !== "string") return "must be a string";
  if (value === "") return "must not be empty";
  // A string has at least half as many code points as UTF-16 units: a cheap bound before counting.
  if (
    value.length > maxCodePoints * 2 ||
    (value.length > maxCodePoints && Array.from(value).length > maxCodePoints)
  ) {
    return `must have at most ${maxCodePoints} characters`;
  }
  if (controlCharacter.test(value)) return "must not contain control characters";
  if (value === "." || value === "..") return 'must not be "." or ".."';
  if (!value.isWellFormed()) return "must be well-formed Unicode";
  return null;
}

/** Returns the value as an app user id, without any change, or `null` when it is not valid. */
export function toAppUserId(value: unknown): AppUserId | null {
  return appUserIdProblem(value) === null ? (value as AppUserId) : null;
}

/**
 * Returns why a signup event cannot be about this user id, or `null`. A text that a program writes in place of an id is
 * rejected as well: all users of a sender that has this bug would be one app user.
 */
export function signupUserIdProblem(value: unknown): string | null {
  const problem = appUserIdProblem(value);
  if (problem !== null || !isPlaceholder(String(value))) return problem;
  return `is ${JSON.stringify(value).slice(0, 100)}, which is not the id of one user`;
}
