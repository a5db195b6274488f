const dateAndMinutes = String.raw`\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}`;
const seconds = String.raw`:\d{2}(?:[.,]\d+)?`;
const zone = String.raw`(?:[Zz]|[+-]\d{2}:\d{2})`;
const exactly = (...parts: string[]) => new RegExp(`^${parts.join("")}$`);

/** A date and a time without the zone; a fraction of a second may follow a comma, as ISO 8601 permits. */
const local = `${dateAndMinutes}(?:${seconds})?`;

/** Common ways in which a text is almost an RFC 3339 time, each with what to change. The first match is used. */
const problems: readonly (readonly [RegExp, string])[] = [
  [/^\s|\s$/, "has white space around it; send the time only"],
  [/^\d{4}-\d{2}-\d{2}$/, "is only a date; send the time and its zone too, such as 2026-11-22T10:00:00Z"],
  [exactly(local), "has no time zone; append Z if it is UTC, or an offset such as +02:00"],
  [
    exactly(local, String.raw` ?[+-]\d{2}(?:\d{2})?`),
    "has an incomplete time zone; write the offset as +02:00",
  ],
  [
    exactly(local, String.raw` ?(?:${zone}|[+-]\d{4})? ?(?:\[[^\]]*\]|[A-Za-z][A-Za-z/_]+)`),
    "names its time zone; send the offset instead, such as +02:00, or UTC with Z",
  ],
  [exactly(dateAndMinutes, zone), "has no seconds; send a time such as 2026-11-22T10:00:00Z"],
  [exactly(local, " ", zone), "has a space before its time zone; remove it"],
  [
    exactly(dateAndMinutes, String.raw`:\d{2},\d+`, zone),
    "separates the fraction of a second with a comma; use a dot",
  ],
  [exactly(local, zone), "is not an existing time"],
  [/^-?\d+(?:\.\d+)?$/, "is a number in a string; send the number without quotes"],
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
