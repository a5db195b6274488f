import type { VitalUserId } from "../mapping/app-user-id.js";

/** A Vital user as Vital's responses describe it. The response to a duplicate create names the user without its team. */
export type VitalUser = { vitalUserId: VitalUserId; teamId: string | null };

/**
 * What the product needs from Vital. Every method rejects with a `VitalError` and with nothing else, at the latest
 * when the timeout of one call has passed.
 */
export type VitalApi = {
  /** Creates the user, or finds the existing one with this client user id: both are the same success. */
  createUser(clientUserId: string): Promise<VitalUser>;
  /** Finds the user with this client user id. */
  findUser(clientUserId: string): Promise<VitalUser | null>;
  /** Finds any one user of the team; `null` when it has none. */
  findAnyUser(): Promise<VitalUser | null>;
  /** Deletes the user; a user that is already deleted is a success. */
  deleteUser(vitalUserId: VitalUserId): Promise<void>;
  /** Issues a new sign-in token; rejects with `not_found` when the user is unknown or deleted. */
  createSignInToken(vitalUserId: VitalUserId): Promise<string>;
};
