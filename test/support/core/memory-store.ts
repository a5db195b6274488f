import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import type { Mapping } from "../../../src/core/mapping/mapping.js";
import type { DueMapping } from "../../../src/core/provisioning/sweeper.js";
import type { TeamStore } from "../../../src/core/vital/team-guard.js";
import type { Deployment, TeamRecord } from "../../../src/core/vital/deployment.js";

export const place: Deployment = { environment: "sandbox", region: "us" };

const isDue = (mapping: Mapping, at: Date): mapping is DueMapping =>
  "nextSweepAt" in mapping && mapping.nextSweepAt <= at;

/** Mappings in memory, with the compare-and-set of the real store. Rows are frozen: nobody changes them in place. */
export function createMemoryStore() {
  const rows = new Map<AppUserId, Mapping>();
  const put = (mapping: Mapping) => rows.set(mapping.appUserId, Object.freeze(structuredClone(mapping)));

  return {
    rows: rows as ReadonlyMap<AppUserId, Mapping>,

    find: (appUserId: AppUserId): Promise<Mapping | null> => Promise.resolve(rows.get(appUserId) ?? null),

    insert(mapping: Mapping): Promise<boolean> {
      if (rows.has(mapping.appUserId)) return Promise.resolve(false);
      put(mapping);
      return Promise.resolve(true);
    },

    replace(seen: Mapping, next: Mapping): Promise<boolean> {
      const stored = rows.get(seen.appUserId);
      if (stored?.revision !== seen.revision) return Promise.resolve(false);
      put(next);
      return Promise.resolve(true);
    },

    listDue: (at: Date, limit: number): Promise<readonly DueMapping[]> =>
      Promise.resolve(
        [...rows.values()]
          .filter((row): row is DueMapping => isDue(row, at))
          .sort((a, b) => a.nextSweepAt.getTime() - b.nextSweepAt.getTime())
          .slice(0, limit),
      ),

    hasActive: () => Promise.resolve([...rows.values()].some(({ state }) => state === "active")),
  };
}

export type MemoryStore = ReturnType<typeof createMemoryStore>;

/** The record of the team in memory. */
export function createMemoryTeams(
  hasActiveMapping: () => Promise<boolean> = () => Promise.resolve(false),
): TeamStore {
  let record: TeamRecord | null = null;
  return {
    remember: (place: Deployment) => Promise.resolve((record ??= { ...place, teamId: null })),
    rememberTeamId(teamId: string) {
      record ??= { ...place, teamId: null };
      if (record.teamId === null) record = { ...record, teamId };
      return Promise.resolve(record);
    },
    hasActiveMapping,
  };
}
