import type { AppUserId } from "../mapping/app-user-id.js";
import type { Clock, Random } from "../clock.js";
import { ServiceError } from "../errors.js";
import type { Mapping, PendingMapping } from "../mapping/mapping.js";
import type { MappingStore, MappingWriter } from "../mapping/mapping-writer.js";
import { createPostponing } from "./postponing.js";
import { retryRules } from "./retry.js";
import type { TeamGuard } from "../vital/team-guard.js";
import type { VitalApi, VitalUser } from "../vital/vital-api.js";
import { VitalError } from "../vital/vital-error.js";

/**
 * The age at which a look-up that said `pending` is repeated before Vital is called, milliseconds. It bounds how long
 * after a deletion a create can still be begun, and with that how long a deletion has to stay watchful.
 */
export const maxLookupAgeMs = 5_000;

/** How much later than the job's own retry a sweeper comes, milliseconds. */
const sweepMarginMs = 5_000;

/** More changes than this while one attempt runs are left to the next one. */
const maxRounds = 4;

/** The look-up is too old to act upon. Never leaves this file. */
class StaleLookup extends Error {
  override readonly name = "StaleLookup";
}

export type ProvisioningOutcome = "active" | "failed" | "postponed" | "superseded";

/**
 * Makes sure that an app user has its Vital user. One attempt is: read the row, create at Vital (which finds an
 * existing user too), write the row. It may run twice, stop halfway or race with any other attempt: what is written
 * depends on the row as it stands then.
 */
export function createProvisioning({
  mappings,
  writer,
  vital,
  team,
  now,
  random,
  onOutcome = () => undefined,
}: {
  mappings: Pick<MappingStore, "find">;
  writer: MappingWriter;
  vital: Pick<VitalApi, "createUser">;
  team: TeamGuard;
  now: Clock;
  random: Random;
  onOutcome?: (outcome: ProvisioningOutcome, durationMs: number) => void;
}) {
  const { apply } = writer;
  const postpone = createPostponing({ writer, now, random });

  async function recordFailure(row: PendingMapping, error: VitalError): Promise<Mapping | null> {
    const { appUserId, generation } = row;
    const { message } = error;
    const ageMs = now().getTime() - row.requestedAt.getTime();
    const isHopeless = ageMs > retryRules.maxAgeMs && row.attempts >= retryRules.minAttempts;
    if (error.failure.endsProvisioning || (error.isAttempt && isHopeless)) {
      const code = error.failure.endsProvisioning ? "VITAL_REFUSED" : "GAVE_UP";
      onOutcome("failed", ageMs);
      return apply(appUserId, { type: "provisioning-failed", code, message, generation }, row);
    }
    onOutcome("postponed", ageMs);
    // Waiting for a window, a key or an operator is no attempt: it says nothing about this user.
    if (!error.isAttempt) throw error;
    return postpone(row, error, sweepMarginMs);
  }

  async function attempt(row: PendingMapping, lookedUpAt: Date): Promise<Mapping | null> {
    let user: VitalUser;
    try {
      user = await team.create(() => {
        if (now().getTime() - lookedUpAt.getTime() > maxLookupAgeMs) throw new StaleLookup();
        return vital.createUser(row.clientUserId);
      });
    } catch (error) {
      if (error instanceof StaleLookup) return mappings.find(row.appUserId);
      if (error instanceof VitalError) return recordFailure(row, error);
      throw error;
    }
    const { vitalUserId } = user;
    const next = await apply(
      row.appUserId,
      { type: "provisioned", vitalUserId, generation: row.generation },
      row,
    );
    const isOurs = next?.state === "active" && next.generation === row.generation + 1;
    onOutcome(isOurs ? "active" : "superseded", now().getTime() - row.requestedAt.getTime());
    return next;
  }

  /**
   * Brings a pending mapping to its end, and gives the row as it stands then; a row that is not pending is given as
   * it is. `seen` with `seenAt` (before its look-up began) saves a look-up.
   *
   * @throws VitalError when the attempt failed in a way that may pass; `retryAfterMs` says when to come again
   * @throws ServiceError `SERVICE_UNAVAILABLE` when the store does not answer
   */
  async function provision(
    appUserId: AppUserId,
    seen?: Mapping | null,
    seenAt = now(),
  ): Promise<Mapping | null> {
    let lookedUpAt = seenAt;
    let row = seen === undefined ? await mappings.find(appUserId) : seen;
    for (let round = 0; round < maxRounds; round += 1) {
      if (row?.state !== "pending") return row;
      const nextLookupAt = now();
      row = await attempt(row, lookedUpAt);
      lookedUpAt = nextLookupAt;
    }
    throw new ServiceError("SERVICE_UNAVAILABLE", {
      retryAfterMs: 1_000,
      reason: "the mapping keeps changing",
    });
  }

  return { provision };
}

export type Provisioning = ReturnType<typeof createProvisioning>;
