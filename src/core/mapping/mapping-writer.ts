import type { AppUserId } from "./app-user-id.js";
import type { Clock } from "../clock.js";
import { ServiceError } from "../errors.js";
import type { Mapping } from "./mapping.js";
import { transition, type Trigger, type TransitionRules } from "./transitions.js";

/** The stored mappings. Writes are compare-and-set: `false` means that somebody else was first. */
export type MappingStore = {
  find(appUserId: AppUserId): Promise<Mapping | null>;
  insert(mapping: Mapping): Promise<boolean>;
  /** Writes `next` over `seen`, if the stored row still is `seen`. */
  replace(seen: Mapping, next: Mapping): Promise<boolean>;
};

/** Losing this often in a row means that something else is wrong than a race. */
const maxRaces = 50;

/**
 * The only writer of mappings: reads a row, asks the table of transitions what it becomes, and writes that if the row
 * is still the one that was read; otherwise it reads again and decides anew.
 */
export function createMappingWriter({
  mappings,
  rules,
  now,
}: {
  mappings: MappingStore;
  rules: TransitionRules;
  now: Clock;
}) {
  const write = (seen: Mapping | null, next: Mapping): Promise<boolean> =>
    seen === null ? mappings.insert(next) : mappings.replace(seen, next);

  /**
   * Takes what happened to an app user and gives the row as it stands afterwards, or `null` where there is none.
   * `seen` saves the first look-up; it may be out of date. Throws `SERVICE_UNAVAILABLE` when the store does not answer.
   */
  async function apply(
    appUserId: AppUserId,
    trigger: Trigger,
    seen?: Mapping | null,
  ): Promise<Mapping | null> {
    let row = seen === undefined ? await mappings.find(appUserId) : seen;
    for (let race = 0; race < maxRaces; race += 1) {
      const next = transition(appUserId, row, trigger, now(), rules);
      if (next === null || next === row) return next;
      const written = row === null ? next : { ...next, revision: row.revision + 1 };
      if (await write(row, written)) return written;
      row = await mappings.find(appUserId);
    }
    throw new ServiceError("SERVICE_UNAVAILABLE", {
      reason: "a mapping changed at every attempt to write it",
    });
  }

  return { apply };
}

export type MappingWriter = ReturnType<typeof createMappingWriter>;
