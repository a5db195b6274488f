import type { VitalUserId } from "../mapping/app-user-id.js";
import type { Clock } from "../clock.js";
import type { DeletingMapping, Mapping } from "../mapping/mapping.js";
import type { MappingStore, MappingWriter } from "../mapping/mapping-writer.js";
import { fitsInPath } from "../vital/client-user-id.js";
import type { TeamGuard } from "../vital/team-guard.js";
import type { VitalApi } from "../vital/vital-api.js";
import { maxLookupAgeMs } from "./provisioning.js";

/** The mapping after one step of a deletion. `isWaiting` is true when no further step is possible now. */
export type DeletionStep = { mapping: Mapping | null; isWaiting: boolean };

const isListed = (mapping: Mapping | null, vitalUserId: VitalUserId): mapping is DeletingMapping =>
  mapping?.state === "deleting" && mapping.vitalUserIdsToDelete.includes(vitalUserId);

/**
 * Creates the function that takes one step of a deletion: deletes one listed Vital user, or looks up another one with
 * the client user id. It throws a `VitalError` when a call to Vital failed.
 */
export function createDeletionSteps({
  mappings,
  writer: { apply, applyTo },
  vital,
  team,
  now,
}: {
  mappings: Pick<MappingStore, "find">;
  writer: MappingWriter;
  vital: Pick<VitalApi, "createUser" | "deleteUser" | "findUser">;
  team: TeamGuard;
  now: Clock;
}) {
  const goOn = (mapping: Mapping | null): DeletionStep => ({ mapping, isWaiting: false });

  /** Returns the step that a lookup or the wait for one has led to. Without a change, the deletion has to wait. */
  const waitIfUnchanged = (next: Mapping | null, { generation }: DeletingMapping): DeletionStep => ({
    mapping: next,
    isWaiting: next?.state === "deleting" && next.generation === generation,
  });

  async function deleteOne(
    mapping: DeletingMapping,
    vitalUserId: VitalUserId,
    isLast: boolean,
  ): Promise<DeletionStep> {
    const { appUserId, generation } = mapping;
    await vital.deleteUser(vitalUserId);
    const type = isLast ? "last-vital-user-deleted" : "vital-user-deleted";
    return goOn(await apply(appUserId, { type, vitalUserId, generation }, mapping));
  }

  async function findByPath(mapping: DeletingMapping): Promise<DeletionStep> {
    const { appUserId, clientUserId, generation } = mapping;
    const askedAt = now();
    const user = await vital.findUser(clientUserId);
    if (user === null) {
      const notFound = { type: "vital-user-not-found", askedAt, generation } as const;
      return waitIfUnchanged(await apply(appUserId, notFound, mapping), mapping);
    }
    await team.observe(user);
    const found = { type: "vital-user-found", vitalUserId: user.vitalUserId, generation } as const;
    return goOn(await apply(appUserId, found, mapping));
  }

  /**
   * Looks up a client user id that no path can carry; earlier versions stored such ids. A create needs no path, and its
   * response names the user with the id. A new user shows that there was none, and is deleted like any other.
   *
   * The create is sent only when no other create can be in flight, and the mapping records it before. If its response is
   * lost, the next lookup waits until the user has arrived.
   */
  async function findByCreate(seen: DeletingMapping): Promise<DeletionStep> {
    const { appUserId, clientUserId } = seen;
    const startedAt = now();
    const mapping = await applyTo(seen, { type: "lookup-by-create", generation: seen.generation });
    if (mapping === null) return goOn(await mappings.find(appUserId));
    const { generation } = mapping;
    if (generation === seen.generation) return { mapping, isWaiting: true };
    const user = await team.create(() => {
      const isStale = now().getTime() - startedAt.getTime() > maxLookupAgeMs;
      return isStale ? Promise.resolve(null) : vital.createUser(clientUserId);
    });
    if (user === null) return goOn(mapping);
    const { vitalUserId, isNew } = user;
    const found = { type: "vital-user-found", vitalUserId, generation } as const;
    const recorded = await apply(appUserId, found, mapping);
    if (!isNew) return goOn(recorded);
    if (!isListed(recorded, vitalUserId)) {
      // Another process was still active. The new user must be deleted too, in any generation.
      return goOn(await apply(appUserId, { type: "provisioned", vitalUserId, generation }, recorded));
    }
    return deleteOne(recorded, vitalUserId, recorded.generation === generation + 1);
  }

  return function takeStep(mapping: DeletingMapping): Promise<DeletionStep> {
    const [vitalUserId] = mapping.vitalUserIdsToDelete;
    if (vitalUserId !== undefined) return deleteOne(mapping, vitalUserId, false);
    return fitsInPath(mapping.clientUserId) ? findByPath(mapping) : findByCreate(mapping);
  };
}
