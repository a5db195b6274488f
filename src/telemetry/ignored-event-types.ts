import { findSimilarType, otherType, toTypeLabel } from "./event-type-names.js";
import type { Logger } from "./logger.js";

const maxTypes = 50;
export type IgnoredEvent = {
  /** The source that recognized the event. */
  source: string;
  /** As the sender wrote it; `null` when the event has none. */
  typeName: string | null;
  /** The types that this source accepts. */
  acceptedTypes: readonly string[];
  /** What to change if events of this type are signups or deletions. */
  fix: string;
};

/** A set of at most fifty names. */
function createNames() {
  const names = new Set<string>();
  return {
    has: (name: string): boolean => names.has(name),
    /** Adds a name; returns `false` when the set has it already or is full. */
    add(name: string): boolean {
      if (names.has(name) || names.size >= maxTypes) return false;
      names.add(name);
      return true;
    },
  };
}

/**
 * Returns a function that counts an ignored event by its type, and logs each type once per source. A type that looks like
 * a misspelled one is a warning. The first fifty types have labels of their own, and so do the first fifty that look
 * misspelled: many other types, such as those of all sign-ins, must not hide a wrong name.
 */
export function createIgnoredEventTypes({
  log,
  count,
}: {
  log: Logger;
  count: ((type: string) => void) | undefined;
}): (event: IgnoredEvent) => void {
  const misspelled = { labels: createNames(), logged: createNames() };
  const others = { labels: createNames(), logged: createNames() };

  return ({ source, typeName, acceptedTypes, fix }) => {
    const name = toTypeLabel(typeName);
    const similarTo = name === otherType ? null : findSimilarType(name, acceptedTypes);
    const { labels, logged } = similarTo === null ? others : misspelled;
    const type = labels.has(name) || labels.add(name) ? name : otherType;
    count?.(type);
    if (!logged.add(`${source} ${type}`)) return;
    const fields = { source, type, accepted: acceptedTypes, fix };
    if (similarTo === null) log.info(fields, "ignoring events of this type");
    else log.warn({ ...fields, similarTo }, "ignoring events whose type looks misspelled");
  };
}
