import type { AppUserId } from "../mapping/app-user-id.js";
import type { Clock, Random } from "../clock.js";
import { ServiceError } from "../errors.js";
import type { DeletingMapping, Mapping } from "../mapping/mapping.js";
import type { MappingStore, MappingWriter } from "../mapping/mapping-writer.js";
import { createPostponing } from "./postponing.js";
import type { TeamGuard } from "../vital/team-guard.js";
import type { VitalApi } from "../vital/vital-api.js";
import { VitalError } from "../vital/vital-error.js";

/** Rounds of one run: each erases a doomed user, or looks for one more. */
const maxRounds = 10;

/**
 * Sees that no Vital user outlives its app user. Only users that a compare-and-set has recorded in the `deleting` row
 * are deleted, so that no delete can hit the user that a newer signup adopted. The row becomes `deleted` when Vital
 * knows nobody by the client user id late enough, and `pending` when the app user has signed up again.
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
  const postpone = createPostponing({ writer, now, random });

  /** "Not found" counts only from the right team: elsewhere everybody is absent. */
  async function assertTeam(): Promise<void> {
    if (await team.verify()) return;
    throw new VitalError(
      "unavailable",
      "the team of VITAL_API_KEY has no users, so nothing proves it is the right one",
      {
        wasCalled: false,
        retryAfterMs: 10_000,
      },
    );
  }

  async function step(row: DeletingMapping): Promise<Mapping | null> {
    const { appUserId, generation } = row;
    const [vitalUserId] = row.vitalUserIdsToDelete;
    if (vitalUserId !== undefined) {
      await vital.deleteUser(vitalUserId);
      return apply(appUserId, { type: "vital-user-deleted", vitalUserId, generation }, row);
    }
    const askedAt = now();
    const user = await vital.findUser(row.clientUserId);
    if (user === null) return apply(appUserId, { type: "vital-user-not-found", askedAt, generation }, row);
    await team.observe(user);
    return apply(appUserId, { type: "vital-user-found", vitalUserId: user.vitalUserId, generation }, row);
  }

  async function recordFailure(row: DeletingMapping, error: VitalError): Promise<never> {
    if (!error.isAttempt) throw error;
    return postpone(row, error, 0);
  }

  /**
   * Brings a deletion as far as it can be brought now, and gives the row as it stands then. A row that is still
   * `deleting` waits for the time when no create can be on its way any more; a sweeper comes back to it.
   *
   * @throws VitalError when Vital could not be asked; `retryAfterMs` says when to come again
   * @throws ServiceError `SERVICE_UNAVAILABLE` when the store does not answer
   */
  async function deprovision(appUserId: AppUserId): Promise<Mapping | null> {
    let row = await mappings.find(appUserId);
    for (let round = 0; round < maxRounds; round += 1) {
      if (row?.state !== "deleting") return row;
      const { generation }: DeletingMapping = row;
      let next: Mapping | null;
      try {
        await assertTeam();
        next = await step(row);
      } catch (error) {
        if (error instanceof VitalError) return await recordFailure(row, error);
        throw error;
      }
      const isWaiting = next?.state === "deleting" && next.generation === generation;
      if (isWaiting) return next;
      row = next;
    }
    throw new ServiceError("SERVICE_UNAVAILABLE", {
      retryAfterMs: 1_000,
      reason: "the mapping keeps changing",
    });
  }

  return { deprovision };
}

export type Deprovisioning = ReturnType<typeof createDeprovisioning>;
