import type { TokenSigner } from "./token-signer.js";
import type { User } from "./user-store.js";

/** Creates the access token of a signed-in SDK, for the calls of one user. */
export const createAccessToken = (signer: TokenSigner, { vitalUserId, teamId }: User): string =>
  signer.sign({ sub: vitalUserId, vital_team_id: teamId });

/**
 * Reads an access token. A sign-in token has a valid signature too, but its team is inside another claim.
 *
 * @returns the user and the team; `null` for a token that is expired, malformed, from another run, or no access token.
 */
export function readAccessToken(
  signer: TokenSigner,
  token: string,
): { vitalUserId: string; teamId: string } | null {
  const claims = signer.verify(token);
  if (typeof claims?.sub !== "string" || typeof claims.vital_team_id !== "string") return null;
  return { vitalUserId: claims.sub, teamId: claims.vital_team_id };
}
