import { setTimeout as delay } from "node:timers/promises";
import type { AppUserId } from "./app-user-id.js";
import type { Clock, Random } from "../clock.js";
import { ServiceError } from "../errors.js";
import type { FailedMapping, Mapping } from "./mapping.js";
import { toRetried, type TransitionRules } from "./next-mapping.js";
import { transition } from "./transitions.js";
import type { Trigger } from "./trigger.js";

/** The stored mappings. Writes are compare-and-set: `false` means that another write came first. */
export type MappingStore = {
  find(appUserId: AppUserId): Promise<Mapping | null>;
  insert(mapping: Mapping): Promise<boolean>;
  /** Writes `next` if the stored mapping still has the revision of `seen`. */
  replace(seen: Mapping, next: Mapping): Promise<boolean>;
};

/** A write fails after it has lost this many races in a row: normal contention does not explain so many. */
const maxRaces = 50;
/** The longest wait after a lost race, milliseconds. */
const maxWaitMs = 100;

/** The first races are repeated immediately. Then writers of one mapping wait, so that they meet less often. */
const toWaitMs = (race: number, random: Random): number =>
  race < 2 ? 0 : random() * Math.min(maxWaitMs, 2 ** race);

/**
 * Writes mappings: only a sweeper's claim and `retryFailedMapping` bypass it. It reads a mapping, computes the next one
 * with the transition table, and writes it by compare-and-set. When another write came first, it reads and decides again.
 */
export function createMappingWriter({
  mappings,
  rules,
  now,
  random = Math.random,
}: {
  mappings: MappingStore;
  rules: TransitionRules;
  now: Clock;
  random?: Random;
}) {
  const write = (seen: Mapping | null, next: Mapping): Promise<boolean> =>
    seen === null ? mappings.insert(next) : mappings.replace(seen, next);

  /**
   * Applies a trigger to an app user's mapping and returns the mapping afterwards, or `null` when there is none.
   * Passing `seen` saves the first lookup; it may be out of date.
   *
   * @throws ServiceError `SERVICE_UNAVAILABLE` when the store is not responding
   */
  async function apply(
    appUserId: AppUserId,
    trigger: Trigger,
    seen?: Mapping | null,
  ): Promise<Mapping | null> {
    let mapping = seen === undefined ? await mappings.find(appUserId) : seen;
    for (let race = 0; race < maxRaces; race += 1) {
      const next = transition(appUserId, mapping, trigger, now(), rules);
      if (next === null || next === mapping) return next;
      const written = mapping === null ? next : { ...next, revision: mapping.revision + 1 };
      if (await write(mapping, written)) return written;
      const waitMs = toWaitMs(race, random);
      if (waitMs > 0) await delay(waitMs);
      mapping = await mappings.find(appUserId);
    }
    throw new ServiceError("SERVICE_UNAVAILABLE", {
      reason: "the mapping changed before every attempt to write it",
    });
  }

  /**
   * Applies a trigger to exactly this mapping. Returns the mapping that it wrote, the same object when nothing changes,
   * and `null` when another write came first.
   *
   * @throws ServiceError `SERVICE_UNAVAILABLE` when the store is not responding
   */
  async function applyTo(seen: Mapping, trigger: Trigger): Promise<Mapping | null> {
    const next = transition(seen.appUserId, seen, trigger, now(), rules);
    if (next === null || next === seen) return seen;
    const written = { ...next, revision: seen.revision + 1 };
    return (await mappings.replace(seen, written)) ? written : null;
  }

  return { apply, applyTo };
}

export type MappingWriter = ReturnType<typeof createMappingWriter>;

/**
 * Changes a failed mapping to pending, unless it has changed since it was read. Returns whether it changed the mapping.
 *
 * @throws ServiceError `SERVICE_UNAVAILABLE` when the store is not responding; the outcome is then unknown
 */
export function retryFailedMapping(
  seen: FailedMapping,
  { mappings, now }: { mappings: Pick<MappingStore, "replace">; now: Clock },
): Promise<boolean> {
  return mappings.replace(seen, { ...toRetried(seen, now()), revision: seen.revision + 1 });
}
