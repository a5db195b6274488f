import type { AppUserId } from "../mapping/app-user-id.js";

/** Starts every client user id that is not the app user id itself. The name says how to decode the rest. */
const encodedPrefix = "base64url.";

/**
 * What a path cannot carry unambiguously, even percent-encoded. Vital decodes a path before it routes, so `%2F` is a
 * separator like `/`; URL parsers treat `\` in the same way. `%`, `?` and `#` change their meaning when one more hop
 * decodes the path.
 */
const ambiguousInPath = /[/\\%?#]/;

// eslint-disable-next-line no-control-regex -- the expression finds characters outside ASCII
const beyondAscii = /[^\u0000-\u007f]/;

/**
 * Whether a lookup by path finds exactly this client user id: the id contains nothing that a router or a proxy between
 * the gateway and Vital may decode, trim, collapse or normalize.
 */
export function fitsInPath(clientUserId: string): boolean {
  if (clientUserId === "" || clientUserId === "." || clientUserId === "..") return false;
  if (ambiguousInPath.test(clientUserId) || clientUserId.trim() !== clientUserId) return false;
  return !beyondAscii.test(clientUserId) || clientUserId.normalize("NFC") === clientUserId;
}

/**
 * Returns the client user id of a new mapping: the app user id itself when it fits in a path, otherwise `base64url.` and
 * the base64url encoding of its UTF-8 bytes. Different app user ids always have different client user ids: an app user
 * id that starts with `base64url.` is encoded too.
 */
export function toClientUserId(appUserId: AppUserId): string {
  if (fitsInPath(appUserId) && !appUserId.startsWith(encodedPrefix)) return appUserId;
  return encodedPrefix + Buffer.from(appUserId, "utf8").toString("base64url");
}
