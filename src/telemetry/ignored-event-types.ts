import type { Logger } from "./logger.js";

const maxTypes = 50;
const maxTypeLength = 64;

/** A name that consists of words. Ids, e-mail addresses and texts are none: they must not become labels or log fields. */
const typeName = /^[A-Za-z]{1,32}\d{0,2}(?:[._:/-][A-Za-z]{1,32}\d{0,2})*$/;

/** The label of a type that has no name, or whose name is none, and of every type after the first fifty. */
const otherType = "other";

const toLabel = (name: string | null): string =>
  name !== null && name.length <= maxTypeLength && typeName.test(name) ? name : otherType;

/** Two names that differ only in case and separators have the same letters. */
const toLetters = (name: string): string => name.toLowerCase().replaceAll(/[^a-z]/g, "");

/** Returns how many letters have to be inserted, removed or replaced (Levenshtein). */
function countEdits(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [row, letter] of Array.from(one).entries()) {
    const current = [row + 1];
    for (let column = 1; column <= other.length; column += 1) {
      const replace = (previous[column - 1] ?? 0) + (letter === other[column - 1] ? 0 : 1);
      current.push(Math.min(replace, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[other.length] ?? 0;
}

const maxEdits = 2;

/**
 * Returns the accepted type that a name probably means: `user.created` for `USER_CREATED` or `user.create`; `null` if it
 * is similar to none.
 */
function findSimilarType(name: string, acceptedTypes: readonly string[]): string | null {
  const letters = toLetters(name);
  const candidates = acceptedTypes
    .map((type) => ({ type, edits: countEdits(letters, toLetters(type)) }))
    .filter(({ edits }) => edits <= maxEdits);
  candidates.sort((a, b) => a.edits - b.edits);
  return candidates[0]?.type ?? null;
}

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
    let type = toLabel(event.typeName);
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
