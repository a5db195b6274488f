/** Names that differ more than this are different names. */
const maxDistance = 2;

/** Returns the number of characters to insert, delete or replace to turn one name into the other. */
function countEdits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** Variables of other programs that are similar to settings. */
const otherNames: ReadonlySet<string> = new Set(["FTP_PROXY"]);

function findSimilar(name: string, known: ReadonlySet<string>): string | null {
  let best: { name: string; edits: number } | null = null;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > maxDistance) continue;
    const edits = countEdits(name, candidate);
    if (edits <= maxDistance && edits < (best?.edits ?? Infinity)) best = { name: candidate, edits };
  }
  return best?.name ?? null;
}

/**
 * Finds variables that are probably misspelled settings: they are not read, but differ from a setting that is read by
 * one or two characters, by case, by a leading `export`, or by `_FILE` although that setting is not a secret.
 *
 * @param known the names that were read
 * @returns one note for each, with the name that was probably meant
 */
export function listMisspelledNames(names: readonly string[], known: ReadonlySet<string>): string[] {
  return names.flatMap((name) => {
    if (known.has(name)) return [];
    const plain = name
      .replace(/^export\s+/i, "")
      .trim()
      .toUpperCase();
    if (plain.endsWith("_FILE") && known.has(plain.slice(0, -"_FILE".length))) {
      const setting = plain.slice(0, -"_FILE".length);
      return [`${name}: ignored, because only secrets can be read from a file; set ${setting} itself`];
    }
    if (otherNames.has(plain)) return [];
    const similar = known.has(plain) ? plain : findSimilar(plain, known);
    return similar === null
      ? []
      : [`${name}: ignored, because there is no such setting; ${similar} is similar`];
  });
}
