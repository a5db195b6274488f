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

/**
 * Returns a function that counts an ignored event by its type, and logs each type once per source. A type that looks like
 * a misspelled one is a warning. The first fifty types have labels of their own.
 */
export function createIgnoredEventTypes({
  log,
  count,
}: {
  log: Logger;
  count: ((type: string) => void) | undefined;
}): (event: IgnoredEvent) => void {
  const labels = new Set<string>();
  const logged = new Set<string>();

  function report({ source, acceptedTypes, fix }: IgnoredEvent, type: string): void {
    const similarTo = type === otherType ? null : findSimilarType(type, acceptedTypes);
    const fields = { source, type, accepted: acceptedTypes, fix };
    if (similarTo === null) log.info(fields, "ignoring events of this type");
    else log.warn({ ...fields, similarTo }, "ignoring events whose type looks misspelled");
  }

  return (event) => {
    let type = toTypeLabel(event.typeName);
    if (!labels.has(type)) {
      if (labels.size < maxTypes) labels.add(type);
      else type = otherType;
    }
    count?.(type);
    const key = `${event.source} ${type}`;
    if (logged.has(key) || logged.size >= maxTypes) return;
    logged.add(key);
    report(event, type);
  };
}
