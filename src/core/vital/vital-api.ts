import type { VitalUserId } from "../mapping/app-user-id.js";

/** A Vital user as Vital's answers show it; a conflict names the user without its team. */
export type VitalUser = { vitalUserId: VitalUserId; teamId: string | null };

/**
 * What the product needs of Vital. Every method rejects with a {@link VitalError} and with nothing else, at the latest
 * when the time-out of one call has passed.
 */
export type VitalApi = {
  /** Creates the user, or finds the one that exists under this client user id: the two are one success. */
  createUser(clientUserId: string): Promise<VitalUser>;
  /** The user under this client user id, or `null`. */
  findUser(clientUserId: string): Promise<VitalUser | null>;
  /** Any one user of the team, or `null` when it has none. */
  findAnyUser(): Promise<VitalUser | null>;
  /** Deletes the user; one that is gone already is a success. */
  deleteUser(vitalUserId: VitalUserId): Promise<void>;
  /** A fresh sign-in token; rejects with `not_found` when the user is unknown or deleted. */
  createSignInToken(vitalUserId: VitalUserId): Promise<string>;
};

/** Whether and how a failed call may be repeated is decided by its kind alone. */
export type VitalErrorKind =
  /** No answer, a broken one, or a 5xx: it may have been done or not; repeat. */
  | "unavailable"
  /** 429 or 503: everybody waits. */
  | "throttled"
  /** 401 or 403: our key is refused; nothing helps but another key. */
  | "credentials_refused"
  /** Vital will not do this for this user. */
  | "refused"
  /** The user is unknown or deleted. */
  | "not_found"
  /** The answer comes from another team than the one that the mappings belong to. */
  | "wrong_team";

type VitalErrorDetails = { status?: number; retryAfterMs?: number; wasCalled?: boolean; cause?: unknown };

/** A call to Vital that did not succeed. The message is made by us and carries no secret. */
export class VitalError extends Error {
  override readonly name = "VitalError";
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** False when the call was refused on our side: then it says nothing about the user. */
  readonly wasCalled: boolean;

  constructor(
    readonly kind: VitalErrorKind,
    message: string,
    details: VitalErrorDetails = {},
  ) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.wasCalled = details.wasCalled ?? true;
  }
}
