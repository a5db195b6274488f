import type { UserIdFormat } from "../policy.js";
import { guid } from "./preset.js";

const prefixed = (prefix: string, id: string): UserIdFormat => ({
  pattern: new RegExp(`^${prefix}(?<own>${id})$`),
  description: `${prefix} and letters and digits`,
});

/**
 * The formats of user ids. The group `own` is the part that the provider, or a database behind it, chooses for one user:
 * a program that lost the id writes a placeholder there (`oauth2|my-connection|undefined`).
 *
 * No format is stricter than its provider: imported users, users of other directories and ids that a team chooses fit.
 */
export const userIdFormats = {
  any: { pattern: /^[^]+$/, description: "any id" },
  uuid: { pattern: new RegExp(`^${guid}$`), description: "a UUID" },
  ulid: { pattern: /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i, description: "a ULID" },
  "object-id": { pattern: /^[0-9a-f]{24}$/i, description: "24 hexadecimal digits" },
  digits: { pattern: /^[0-9]+$/, description: "digits" },
} as const satisfies Record<string, UserIdFormat>;

/** The names that `AUTH_USER_ID_FORMAT` accepts. */
export type UserIdFormatName = keyof typeof userIdFormats;
export const userIdFormatNames = Object.keys(userIdFormats) as UserIdFormatName[];

/** Enterprise and custom databases choose the last part: `samlp|connection|ann lee@x`. */
export const auth0UserId: UserIdFormat = {
  pattern: /^[^|]+\|(?:[^]*\|)?(?<own>[^|]*)$/,
  description: "strategy|id",
};

/** Clerk and WorkOS. */
export const userPrefixedId = prefixed("user_", "[0-9A-Za-z]+");

export const oktaUserId = prefixed("00u", "[0-9A-Za-z]+");

/** 28 letters and digits by default; imported users and custom tokens may have any id. */
export const firebaseUserId: UserIdFormat = {
  pattern: /^[^]{1,128}$/,
  description: "1 to 128 characters",
};

/** A user of another directory has `f:{component}:{id in the directory}`. An import may set any id that its column holds. */
export const keycloakUserId: UserIdFormat = {
  pattern: /^(?:f:[^:]+:(?<own>[^]*)|(?!f:)[^]{1,36})$/,
  description: "a UUID, another id of up to 36 characters, or f:component:id",
};

/** Digits by default; a team may choose the id of a user that it creates. */
export const zitadelUserId: UserIdFormat = {
  pattern: /^[^]{1,200}$/,
  description: "digits, or a chosen id of up to 200 characters",
};

export const stytchUserId: UserIdFormat = {
  pattern: /^(?:user|member)-(?:live|test)-(?<own>[^]+)$/,
  description: "user-live-…, user-test-…, member-live-… or member-test-…",
};
