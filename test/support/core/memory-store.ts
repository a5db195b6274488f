import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import type { Mapping } from "../../../src/core/mapping/mapping.js";
import type { DueMapping } from "../../../src/core/provisioning/sweeper.js";
import type { TeamStore } from "../../../src/core/vital/team-guard.js";
import type { Deployment, TeamRecord } from "../../../src/core/vital/deployment.js";

export const deployment: Deployment = { environment: "sandbox", region: "us" };

const isDue = (mapping: Mapping, at: Date): mapping is DueMapping =>
  "nextSweepAt" in mapping && mapping.nextSweepAt <= at;

/** Mappings in memory, with the compare-and-set of the real store. They are frozen, so no code can change them in place. */
export function createMemoryStore() {
  const mappings = new Map<AppUserId, Mapping>();
  const put = (mapping: Mapping) => mappings.set(mapping.appUserId, Object.freeze(structuredClone(mapping)));

  return {
    mappings: mappings as ReadonlyMap<AppUserId, Mapping>,

    find: (appUserId: AppUserId): Promise<Mapping | null> => Promise.resolve(mappings.get(appUserId) ?? null),

    insert(mapping: Mapping): Promise<boolean> {
      if (mappings.has(mapping.appUserId)) return Promise.resolve(false);
      put(mapping);
      return Promise.resolve(true);
    },

    replace(seen: Mapping, next: Mapping): Promise<boolean> {
      const stored = mappings.get(seen.appUserId);
      if (stored?.revision !== seen.revision) return Promise.resolve(false);
      put(next);
      return Promise.resolve(true);
    },

    listDue: (at: Date, limit: number): Promise<readonly DueMapping[]> =>
      Promise.resolve(
        [...mappings.values()]
          .filter((mapping): mapping is DueMapping => isDue(mapping, at))
          .sort((a, b) => a.nextSweepAt.getTime() - b.nextSweepAt.getTime())
          .slice(0, limit),
      ),

    hasActive: () => Promise.resolve([...mappings.values()].some(({ state }) => state === "active")),
  };
}

/** The team record in memory. */
export function createMemoryTeamStore(
  hasActiveMapping: () => Promise<boolean> = () => Promise.resolve(false),
): TeamStore {
  let record: TeamRecord | null = null;
  return {
    find: () => Promise.resolve(record),
    remember: (deployment: Deployment) => Promise.resolve((record ??= { ...deployment, teamId: null })),
    rememberTeamId(teamId: string) {
      record ??= { ...deployment, teamId: null };
      if (record.teamId === null) record = { ...record, teamId };
      return Promise.resolve(record);
    },
    hasActiveMapping,
  };
}
