import type { AppUserId } from "../mapping/app-user-id.js";
import type { Clock, Random } from "../clock.js";
import { ServiceError } from "../errors.js";
import type { Mapping, PendingMapping } from "../mapping/mapping.js";
import type { MappingStore, MappingWriter } from "../mapping/mapping-writer.js";
import { toProvisioningFailure, type ProvisioningFailure } from "./failures.js";
import { createPostpone, retryRules } from "./retry.js";
import type { TeamGuard } from "../vital/team-guard.js";
import type { VitalApi, VitalUser } from "../vital/vital-api.js";
import { VitalError } from "../vital/vital-error.js";

/**
 * The maximum age of a lookup that found `pending`, milliseconds: an older one is repeated before Vital is called. It
 * limits how long after a deletion a create can still start, and so how long the deletion must wait before it is final.
 */
export const maxLookupAgeMs = 5_000;

/** How long after the job's retry the mapping becomes due for a sweeper, milliseconds. */
const sweepMarginMs = 5_000;

/** The most attempts in one run. When the mapping keeps changing, the next run of the job continues. */
const maxRounds = 4;

type ProvisioningOutcome = "active" | "failed" | "postponed" | "superseded";

/**
 * Makes sure that an app user has a Vital user. One attempt reads the mapping, creates the user at Vital (which also
 * finds an existing user) and writes the mapping. An attempt can safely run twice, stop halfway or race with another
 * attempt, because its result depends on the mapping at the time of the write.
 */
export function createProvisioning({
  mappings,
  writer,
  vital,
  team,
  now,
  random,
  onOutcome = () => undefined,
  onFailure = () => undefined,
}: {
  mappings: Pick<MappingStore, "find">;
  writer: MappingWriter;
  vital: Pick<VitalApi, "createUser">;
  team: TeamGuard;
  now: Clock;
  random: Random;
  onOutcome?: (outcome: ProvisioningOutcome, durationMs: number) => void;
  /** Called when an attempt failed, or could not be made. It is repeated later unless the mapping becomes `failed`. */
  onFailure?: (failure: ProvisioningFailure) => void;
}) {
  const { apply } = writer;
  const postpone = createPostpone({ writer, now, random });

  async function recordFailure(mapping: PendingMapping, error: VitalError): Promise<Mapping | null> {
    const { appUserId, generation } = mapping;
    const { message } = error;
    const ageMs = now().getTime() - mapping.requestedAt.getTime();
    const hasFailedTooLong = ageMs > retryRules.maxAgeMs && mapping.attempts >= retryRules.minAttempts;
    if (error.failure.endsProvisioning || (error.isAttempt && hasFailedTooLong)) {
      const code = error.failure.endsProvisioning ? "VITAL_REFUSED" : "GAVE_UP";
      onOutcome("failed", ageMs);
      return apply(appUserId, { type: "provisioning-failed", code, message, generation }, mapping);
    }
    onOutcome("postponed", ageMs);
    // Waiting for Vital's rate limit, another key or an operator is not an attempt: it says nothing about this user.
    if (!error.isAttempt) throw error;
    return postpone(mapping, error, sweepMarginMs);
  }

  /** Creates the user at Vital, or returns `null` when the lookup has become too old to act on. */
  async function createUser(clientUserId: string, lookedUpAt: Date): Promise<VitalUser | null> {
    return team.create(() => {
      const isStale = now().getTime() - lookedUpAt.getTime() > maxLookupAgeMs;
      return isStale ? Promise.resolve(null) : vital.createUser(clientUserId);
    });
  }

  function report(mapping: PendingMapping, error: unknown): void {
    const failure = toProvisioningFailure(mapping, error, now());
    if (failure !== null) onFailure(failure);
  }

  async function attempt(mapping: PendingMapping, lookedUpAt: Date): Promise<Mapping | null> {
    const { appUserId, clientUserId, generation, requestedAt } = mapping;
    let user: VitalUser | null;
    try {
      user = await createUser(clientUserId, lookedUpAt);
    } catch (error) {
      report(mapping, error);
      if (error instanceof VitalError) return recordFailure(mapping, error);
      throw error;
    }
    if (user === null) return mappings.find(appUserId);
    const { vitalUserId } = user;
    const provisioned = { type: "provisioned", vitalUserId, generation } as const;
    const next = await apply(appUserId, provisioned, mapping).catch((error: unknown) => {
      report(mapping, error);
      throw error;
    });
    const hasActivated = next?.state === "active" && next.generation === generation + 1;
    onOutcome(hasActivated ? "active" : "superseded", now().getTime() - requestedAt.getTime());
    return next;
  }

  /**
   * Provisions a pending mapping and returns the mapping afterwards. A mapping in another state is returned unchanged.
   * Passing `seen` with `seenAt` (the time before its lookup started) saves a lookup.
   *
   * @throws VitalError when the attempt failed and a later one may succeed; `retryAfterMs` is the time to wait
   * @throws ServiceError `SERVICE_UNAVAILABLE` when the store is not responding
   */
  async function provision(
    appUserId: AppUserId,
    seen?: Mapping | null,
    seenAt = now(),
  ): Promise<Mapping | null> {
    let lookedUpAt = seenAt;
    let mapping = seen === undefined ? await mappings.find(appUserId) : seen;
    for (let round = 0; round < maxRounds; round += 1) {
      if (mapping?.state !== "pending") return mapping;
      // The attempt reads or writes the mapping after this time.
      const attemptedAt = now();
      mapping = await attempt(mapping, lookedUpAt);
      lookedUpAt = attemptedAt;
    }
    throw new ServiceError("SERVICE_UNAVAILABLE", {
      retryAfterMs: 1_000,
      reason: "the mapping keeps changing",
    });
  }

  return { provision };
}

export type Provisioning = ReturnType<typeof createProvisioning>;
