import type { AppUserId } from "../mapping/app-user-id.js";
import type { Clock, Random } from "../clock.js";
import { ServiceError } from "../errors.js";
import type { Mapping } from "../mapping/mapping.js";
import type { MappingStore, MappingWriter } from "../mapping/mapping-writer.js";
import { createDeletionSteps, type DeletionStep } from "./deletion-steps.js";
import { toProvisioningFailure, type ProvisioningFailure } from "./failures.js";
import { createPostpone } from "./retry.js";
import type { TeamGuard } from "../vital/team-guard.js";
import type { VitalApi } from "../vital/vital-api.js";
import { VitalError } from "../vital/vital-error.js";

/** The most rounds in one run. Each round deletes one Vital user, or looks up another one. */
const maxRounds = 10;

/** How long to wait while the team cannot be verified, milliseconds. */
const unverifiedTeamRetryMs = 10_000;

/**
 * Makes sure that no Vital user outlives its app user. Only users that a compare-and-set has recorded in the `deleting`
 * mapping are deleted, so that no delete can hit a user that a newer signup has adopted. The mapping becomes `deleted`
 * when a late enough lookup at Vital finds no user with the client user id, and `pending` when the app user has signed
 * up again.
 */
export function createDeprovisioning({
  mappings,
  writer,
  vital,
  team,
  now,
  random,
  onFailure = () => undefined,
}: {
  mappings: Pick<MappingStore, "find">;
  writer: MappingWriter;
  vital: Pick<VitalApi, "createUser" | "deleteUser" | "findUser">;
  team: TeamGuard;
  now: Clock;
  random: Random;
  /** Called when a deletion could not be continued. It is repeated later. */
  onFailure?: (failure: ProvisioningFailure) => void;
}) {
  const takeStep = createDeletionSteps({ mappings, writer, vital, team, now });
  const postpone = createPostpone({ writer, now, random });

  /** "Not found" counts only from the right team: every user is unknown to any other team. */
  async function assertTeam(): Promise<void> {
    if (await team.verify()) return;
    const message =
      "the team of the API key has no users, so the gateway cannot verify that it is the right team";
    throw new VitalError("unavailable", message, { wasCalled: false, retryAfterMs: unverifiedTeamRetryMs });
  }

  /**
   * Continues a deletion as far as possible now and returns the mapping afterwards. A mapping that is still `deleting`
   * waits until no create can be in flight any more; then a sweeper processes it.
   *
   * @throws VitalError when a call to Vital failed; `retryAfterMs` is the time to wait
   * @throws ServiceError `SERVICE_UNAVAILABLE` when the store is not responding
   */
  async function deprovision(appUserId: AppUserId): Promise<Mapping | null> {
    let step: DeletionStep = { mapping: await mappings.find(appUserId), isWaiting: false };
    for (let round = 0; round < maxRounds; round += 1) {
      const { mapping } = step;
      if (mapping?.state !== "deleting" || step.isWaiting) return mapping;
      try {
        await assertTeam();
        step = await takeStep(mapping);
      } catch (error) {
        const failure = toProvisioningFailure(mapping, error, now());
        if (failure !== null) onFailure(failure);
        if (!(error instanceof VitalError && error.isAttempt)) throw error;
        // The step may have written the mapping before it failed.
        const latest = await mappings.find(appUserId);
        return await postpone(latest?.state === "deleting" ? latest : mapping, error, 0);
      }
    }
    throw new ServiceError("SERVICE_UNAVAILABLE", {
      retryAfterMs: 1_000,
      reason: "the mapping keeps changing",
    });
  }

  return { deprovision };
}

export type Deprovisioning = ReturnType<typeof createDeprovisioning>;
