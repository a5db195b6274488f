import type { Clock } from "../core/clock.js";
import type { ProvisioningFailure } from "../core/provisioning/failures.js";
import type { Logger } from "./logger.js";

/** A user who has failed this often is not a short disturbance. */
const attemptsUntilPersistent = 5;
const quietMs = 5 * 60_000;
/** Bounds the memory. There are far fewer combinations of phrase, code and status. */
const maxKeys = 100;

const phrases = {
  "provision-user": {
    waits: "a signup waits to be provisioned",
    failed: "provisioning failed for a signup; it is repeated unless the mapping is failed",
    keepsFailing: "provisioning keeps failing for a signup",
  },
  "deprovision-user": {
    waits: "a deletion waits",
    failed: "a deletion failed; it is repeated",
    keepsFailing: "a deletion keeps failing",
  },
} as const;

/**
 * Returns a function that logs why signups and deletions do not get ahead: one warning for each combination of phrase,
 * code and status, then at most one in five minutes. A warning names no user; `vital-gateway status` shows the mappings.
 */
export function createFailureWarnings({
  log,
  now,
}: {
  log: Logger;
  now: Clock;
}): (failure: ProvisioningFailure) => void {
  const loggedAtMs = new Map<string, number>();

  return ({ job, code, reason, status, attempts, ageMs, isAttempt }) => {
    const persistence = attempts >= attemptsUntilPersistent ? "keepsFailing" : "failed";
    const phrase = phrases[job][isAttempt ? persistence : "waits"];
    const key = `${phrase} ${code} ${String(status)}`;
    const nowMs = now().getTime();
    if (nowMs - (loggedAtMs.get(key) ?? -Infinity) < quietMs) return;
    const [oldest] = loggedAtMs.keys();
    if (loggedAtMs.size >= maxKeys && oldest !== undefined) loggedAtMs.delete(oldest);
    // Deleting it first keeps the keys in the order of their last warning.
    loggedAtMs.delete(key);
    loggedAtMs.set(key, nowMs);
    log.warn({ code, reason, attempts, ageSeconds: Math.round(ageMs / 1000) }, phrase);
  };
}
