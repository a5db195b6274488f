import type { AppUserId } from "../mapping/app-user-id.js";
import type { Clock, Random } from "../clock.js";
import { ServiceError } from "../errors.js";
import type { DeletingMapping, Mapping } from "../mapping/mapping.js";
import type { MappingStore, MappingWriter } from "../mapping/mapping-writer.js";
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
}: {
  mappings: Pick<MappingStore, "find">;
  writer: MappingWriter;
  vital: Pick<VitalApi, "deleteUser" | "findUser">;
  team: TeamGuard;
  now: Clock;
  random: Random;
}) {
  const { apply } = writer;
  const postpone = createPostpone({ writer, now, random });

  /** "Not found" counts only from the right team: every user is unknown to any other team. */
  async function assertTeam(): Promise<void> {
    if (await team.verify()) return;
    const message =
      "the team of the API key has no users, so the gateway cannot verify that it is the right team";
    throw new VitalError("unavailable", message, { wasCalled: false, retryAfterMs: unverifiedTeamRetryMs });
  }

  async function deleteOrFindOne(mapping: DeletingMapping): Promise<Mapping | null> {
    const { appUserId, clientUserId, generation } = mapping;
    const [vitalUserId] = mapping.vitalUserIdsToDelete;
    if (vitalUserId !== undefined) {
      await vital.deleteUser(vitalUserId);
      return apply(appUserId, { type: "vital-user-deleted", vitalUserId, generation }, mapping);
    }
    const askedAt = now();
    const user = await vital.findUser(clientUserId);
    if (user === null)
      return apply(appUserId, { type: "vital-user-not-found", askedAt, generation }, mapping);
    await team.observe(user);
    const found = { type: "vital-user-found", vitalUserId: user.vitalUserId, generation } as const;
    return apply(appUserId, found, mapping);
  }

  /**
   * Continues a deletion as far as possible now and returns the mapping afterwards. A mapping that is still `deleting`
   * waits until no create can be in flight any more; then a sweeper processes it.
   *
   * @throws VitalError when a call to Vital failed; `retryAfterMs` is the time to wait
   * @throws ServiceError `SERVICE_UNAVAILABLE` when the store is not responding
   */
  async function deprovision(appUserId: AppUserId): Promise<Mapping | null> {
    let mapping = await mappings.find(appUserId);
    for (let round = 0; round < maxRounds; round += 1) {
      if (mapping?.state !== "deleting") return mapping;
      const { generation }: DeletingMapping = mapping;
      let next: Mapping | null;
      try {
        await assertTeam();
        next = await deleteOrFindOne(mapping);
      } catch (error) {
        if (error instanceof VitalError && error.isAttempt) return await postpone(mapping, error, 0);
        throw error;
      }
      const isWaiting = next?.state === "deleting" && next.generation === generation;
      if (isWaiting) return next;
      mapping = next;
    }
    throw new ServiceError("SERVICE_UNAVAILABLE", {
      retryAfterMs: 1_000,
      reason: "the mapping keeps changing",
    });
  }

  return { deprovision };
}

export type Deprovisioning = ReturnType<typeof createDeprovisioning>;
