import { isPlaceholder } from "../../core/mapping/placeholder.js";
import type { AuthPolicy } from "../policy.js";
import { member, type JsonObject } from "./read-token.js";

/**
 * Ids that programs give to a visitor without an account, or to a default account. As a part of an id they may be the
 * name of a person's account in a directory.
 *
 * Sources: Spring Security (`anonymousUser`, `user`), Drupal (0), and the value -1 for "not found".
 */
const sharedNames: ReadonlySet<string> = new Set([
  "anonymous",
  "anonymoususer",
  "guest",
  "user",
  "unknown",
  "default",
  "-1",
]);

/** The nil UUID (RFC 9562 §5.9), and the zero value of a number, a ULID or an ObjectId. */
const onlyZeros = /^[0-]+$/;
/** The max UUID (RFC 9562 §5.10). */
const maxUuid = /^f{8}(?:-f{4}){3}-f{12}$/;
/** Only characters that show nothing, punctuation and signs. */
const withoutContent = /^[\s\p{P}\p{Sm}\p{Sc}\p{Sk}\p{C}\p{Default_Ignorable_Code_Point}]*$/u;
/** Further templates, which no provider uses as ids: `{user_id}`, `<user id>`, `%user_id%`. */
const template = /^(?:\{[a-z_][\w.]*\}|<[^<>]*>|%[\w.]+%)$/;

/** Whether many users can have this text as their id, or as the part of it that belongs to one user. */
function isSharedText(text: string): boolean {
  const value = text.trim().toLowerCase();
  const isMissing = isPlaceholder(value) || template.test(value) || withoutContent.test(value);
  return isMissing || onlyZeros.test(value) || maxUuid.test(value);
}

/** Claims that name something that many users share: the issuer, the service, the tenant, the organization. */
const sharedClaims = ["iss", "aud", "tid", "tenant_id", "org_id"];

/** Returns the claim of the token that has the same value, or the setting that names it. */
function findSameValue(id: string, claims: JsonObject, policy: AuthPolicy): string | null {
  const claim = sharedClaims.find((name) => [member(claims, name)].flat().includes(id));
  if (claim !== undefined) return `the claim ${claim}`;
  if (policy.clientIds.includes(id)) return "a client id in AUTH_CLIENT_IDS";
  const isService = policy.issuers.some(({ issuer, audiences }) => issuer === id || audiences.includes(id));
  return isService ? "the configured issuer or audience" : null;
}

/**
 * Returns why an id is known to be shared by many users, or `null`. All of them would be one viewer, with one Vital user.
 *
 * `own` is the part of the id that belongs to one user. A reason contains the id only if it is a known constant.
 */
export function findSharedId(id: string, own: string, claims: JsonObject, policy: AuthPolicy): string | null {
  const isShared = isSharedText(id) || isSharedText(own) || sharedNames.has(id.trim().toLowerCase());
  if (isShared) return `is ${JSON.stringify(id).slice(0, 100)}, which is not the id of one user`;
  if (id.trim().toLowerCase() === policy.userIdClaim.toLowerCase()) return "is the name of the claim";
  const same = findSameValue(id, claims, policy);
  return same === null ? null : `has the same value as ${same}, which many users share`;
}
