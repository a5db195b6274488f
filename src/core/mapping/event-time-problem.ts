const date = String.raw`\d{4}-\d{2}-\d{2}`;
const minutes = String.raw`\d{2}:\d{2}`;
const seconds = String.raw`(?::\d{2}(?:[.,]\d+)?)`;
const zone = String.raw`(?:[Zz]|[+-]\d{2}:\d{2})`;
const exactly = (...parts: string[]) => new RegExp(`^${parts.join("")}$`);

/** Common ways in which a text is almost an RFC 3339 time, each with what to change. The first match is used. */
const problems: readonly (readonly [RegExp, string])[] = [
  [exactly(date), "is only a date; send the time and its zone too, such as 2026-11-22T10:00:00Z"],
  [
    exactly(date, "[Tt ]", minutes, seconds, "?"),
    "has no time zone; append Z if it is UTC, or an offset such as +02:00",
  ],
  [
    exactly(date, "[Tt ]", minutes, seconds, "?", String.raw` ?[+-]\d{2}(?:\d{2})?`),
    "has an incomplete time zone; write the offset as +02:00",
  ],
  [
    exactly(
      date,
      "[Tt ]",
      minutes,
      seconds,
      "?",
      String.raw` ?(?:${zone})?(?:\[[^\]]*\]|[A-Za-z][A-Za-z/_]+)`,
    ),
    "names its time zone; send the offset instead, such as +02:00, or UTC with Z",
  ],
  [exactly(date, "[Tt ]", minutes, zone), "has no seconds; send a time such as 2026-11-22T10:00:00Z"],
  [
    exactly(date, "[Tt ]", minutes, seconds, zone),
    "is not an existing time, or does not separate the fraction of a second with a dot",
  ],
  [exactly(String.raw`-?\d+(?:\.\d+)?`), "is a number in a string; send the number without quotes"],
];

/**
 * Describes why a value is not the time of an event, and what to change. The text continues a sentence whose subject is the
 * time, and does not repeat the value.
 *
 * @param value a value that `parseEventTime` rejects
 */
export function describeTimeProblem(value: unknown): string {
  const known = typeof value === "string" ? problems.find(([pattern]) => pattern.test(value)) : undefined;
  return (
    known?.[1] ??
    "must be an RFC 3339 time with a zone, such as 2026-11-22T10:00:00Z, or seconds or milliseconds since 1970"
  );
}
