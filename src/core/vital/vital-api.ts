import type { VitalUserId } from "../mapping/app-user-id.js";

/** A Vital user as Vital's responses describe it. The response to a duplicate create names the user without its team. */
export type VitalUser = { vitalUserId: VitalUserId; teamId: string | null };

/** A user that a create returned. `isNew` is false when the user existed before. */
type CreatedVitalUser = VitalUser & { isNew: boolean };

/**
 * What the product needs from Vital. Every method rejects only with a `VitalError`. Each request has a timeout, so every
 * method ends after at most two timeouts: `createUser` may send a second request, a lookup.
 */
export type VitalApi = {
  /** Creates the user, or finds the existing one with this client user id. Both count as success. */
  createUser(clientUserId: string): Promise<CreatedVitalUser>;
  /** Finds the user with this client user id, which must fit in a path (`fitsInPath`). */
  findUser(clientUserId: string): Promise<VitalUser | null>;
  /** Finds any user of the team. Returns `null` when the team has none. */
  findAnyUser(): Promise<VitalUser | null>;
  /** Deletes the user. Succeeds also when the user is already deleted. */
  deleteUser(vitalUserId: VitalUserId): Promise<void>;
  /** Issues a new sign-in token. Rejects with `not_found` when the user is unknown or deleted. */
  createSignInToken(vitalUserId: VitalUserId): Promise<string>;
};
