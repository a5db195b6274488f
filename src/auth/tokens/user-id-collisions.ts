import { hash, randomBytes } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { member, type JsonObject } from "./read-token.js";

/** How long the values of one app user id are compared, milliseconds. */
const windowMs = 10 * 60_000;

/** Claims that identify a person besides the user id claim, and the number of different values that is reported. */
export const identityClaims = {
  // Ids that never change.
  oid: 2,
  uid: 2,
  user_id: 2,
  // Logins, which a user can change, and the subject, of which linked accounts have several.
  sub: 3,
  email: 3,
  preferred_username: 3,
  upn: 3,
  unique_name: 3,
  username: 3,
  "cognito:username": 3,
  phone_number: 3,
  phone: 3,
} as const satisfies Record<string, number>;

type IdentityClaim = keyof typeof identityClaims;
const identityClaimNames = Object.keys(identityClaims) as IdentityClaim[];
const clientClaims = ["azp", "client_id", "cid", "appid"];

/** Several people seem to have one app user id. Contains no value of a token. */
export type UserIdCollision = Readonly<{
  userIdClaim: string;
  claim: IdentityClaim;
  values: number;
}>;

/** What was seen of one app user id: per claim, keyed hashes of its values. */
type Sightings = { untilMs: number; values: Map<IdentityClaim, Set<number>> };

/**
 * Remembers at most `maxUserIds` keys, in two halves: when the newer half is full, the older one is dropped. A key that is
 * used moves to the newer half, so that an id that many users share stays while ids of one user come and go. One map
 * that evicts its first key would skip the places of the evicted ones, which takes longer than all hashes.
 */
function createRecentSightings(maxUserIds: number, nowMs: () => number) {
  let newer = new Map<string, Sightings>();
  let older = new Map<string, Sightings>();
  return {
    get(key: string): Sightings {
      const known = newer.get(key) ?? older.get(key);
      const isCurrent = known !== undefined && nowMs() < known.untilMs;
      const entry = isCurrent ? known : { untilMs: nowMs() + windowMs, values: new Map() };
      if (newer.size >= maxUserIds / 2 && !newer.has(key)) {
        older = newer;
        newer = new Map();
      }
      newer.set(key, entry);
      return entry;
    },
    /** How many keys are in memory; a key in both halves counts twice. */
    size: () => newer.size + older.size,
  };
}

/** Returns the claims of a token that identify its person and differ from the user id, in lower case. */
function listIdentities(claims: JsonObject, userIdClaim: string, appUserId: string) {
  return identityClaimNames.flatMap((claim): [IdentityClaim, string][] => {
    const value = claim === userIdClaim ? undefined : member(claims, claim);
    return typeof value === "string" && value !== "" && value !== appUserId
      ? [[claim, value.toLowerCase()]]
      : [];
  });
}

/**
 * Creates a function that looks for app user ids that several people share. Call it with the claims of each token that
 * was verified. It reports an id when, within ten minutes, its tokens have had
 *
 * - two values of a claim that never changes for a person (`oid`, `uid`, `user_id`), or
 * - three values of a claim that a person can change (`email`, a login, a phone number), or of `sub`.
 *
 * A user who changes the e-mail address once has two values, so the third one is another person's. A constant in the user
 * id claim of all users is therefore reported as soon as three of them have signed in. Only tokens of the same issuer and
 * client are compared, because some providers give a person another `sub` in each client (Entra ID's is pairwise).
 * Sessions are not compared: one person has many. Each id and claim is reported once in ten minutes.
 *
 * Memory: at most `maxUserIds` ids, of which the ones used recently stay, and at most three values of each claim.
 * All are SHA-256 hashes with a random key of this process, so that no value of a token stays in memory. (An HMAC takes
 * five times as long, and nothing outside this function sees a hash.) Cost: one hash, and one for each identity claim of
 * the token.
 */
export function createUserIdCollisions({
  now,
  report,
  maxUserIds = 10_000,
}: {
  now: Clock;
  report: (collision: UserIdCollision) => void;
  maxUserIds?: number;
}) {
  const secret = randomBytes(32).toString("hex");
  const toHash = (text: string): string => hash("sha256", secret + text, "hex");
  /** 48 bits are enough to tell the few values of one user apart. */
  const toShortHash = (text: string): number => Number.parseInt(toHash(text).slice(0, 12), 16);
  const sightings = createRecentSightings(maxUserIds, () => now().getTime());

  return {
    /** `userIdClaim` is the claim that contains `appUserId`. */
    observe(claims: JsonObject, { userIdClaim, appUserId }: { userIdClaim: string; appUserId: string }) {
      const identities = listIdentities(claims, userIdClaim, appUserId);
      if (identities.length === 0) return;
      const client = clientClaims.map((claim) => member(claims, claim)).find((value) => value !== undefined);
      const key = toHash(JSON.stringify([member(claims, "iss"), client, appUserId]));
      const { values } = sightings.get(key);
      for (const [claim, value] of identities) {
        const seen = values.get(claim) ?? new Set<number>();
        values.set(claim, seen);
        const limit = identityClaims[claim];
        if (seen.size >= limit) continue;
        seen.add(toShortHash(value));
        if (seen.size === limit) report({ userIdClaim, claim, values: limit });
      }
    },

    size: () => sightings.size(),
  };
}
