import type { Clock } from "../core/clock.js";
import type { Logger } from "../telemetry/logger.js";
import { createThrottledWarning } from "../telemetry/throttled-warning.js";
import type { UserIdCollision } from "./tokens/user-id-collisions.js";

/** The claim stays wrong until a setting changes, milliseconds. */
const quietMs = 10 * 60_000;

function suggestFix({ userIdClaim, claim }: UserIdCollision): string {
  const isId = claim === "oid" || claim === "uid" || claim === "user_id";
  const other = isId
    ? `if ${claim} is the id in your signup events, set AUTH_USER_ID_CLAIM=${claim}`
    : "set AUTH_USER_ID_CLAIM to the claim with the id of the user";
  return `configure the issuer to write the id of one user into ${userIdClaim}, or ${other}`;
}

/**
 * Returns a function that counts an app user id that several people seem to share, and logs the first one and then one
 * in ten minutes. The line names the claims, and contains no id.
 */
export function createSharedUserIdWarning({
  log,
  now,
  count,
}: {
  log: Logger;
  now: Clock;
  count: (claim: string) => void;
}): (collision: UserIdCollision) => void {
  const phrase = "several people may have the same app user id, and with it the same Vital user";
  const warn = createThrottledWarning({ log, now, phrase, quietMs });
  return (collision) => {
    const { userIdClaim, claim, values } = collision;
    count(claim);
    warn(new Error(`tokens with one ${userIdClaim} had ${values} values of ${claim} within ten minutes`), {
      fix: suggestFix(collision),
    });
  };
}
