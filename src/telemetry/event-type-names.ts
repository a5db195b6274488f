const maxTypeLength = 64;

/** A name that consists of words. Ids, e-mail addresses and sentences do not match, because they must not be logged. */
const typeName = /^[A-Za-z]{1,32}\d{0,2}(?:[._:/-][A-Za-z]{1,32}\d{0,2})*$/;

/** The label of a type whose name is missing, does not consist of words, or is not remembered. */
export const otherType = "other";

/** Returns a type or job name that is safe as a label and in the log, and {@link otherType} for any other text. */
export const toTypeLabel = (name: string | null): string =>
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

/**
 * Returns the accepted type that a name probably means: `user.created` for `USER_CREATED`, and with two edits for
 * `user.create` too; `null` if it is similar to none.
 *
 * @param maxEdits how many letters may differ; 0 permits only another case and other separators
 */
export function findSimilarType<T extends string>(
  name: string,
  acceptedTypes: readonly T[],
  maxEdits = 2,
): T | null {
  if (name.length > maxTypeLength) return null;
  const letters = toLetters(name);
  const candidates = acceptedTypes
    // Most names differ by more letters than the edits may change, which costs no comparison.
    .filter((type) => Math.abs(toLetters(type).length - letters.length) <= maxEdits)
    .map((type) => ({ type, edits: countEdits(letters, toLetters(type)) }))
    .filter(({ edits }) => edits <= maxEdits);
  candidates.sort((a, b) => a.edits - b.edits);
  return candidates[0]?.type ?? null;
}
