/** The fields of an event, with the column names that inputs use for them. The first name that exists is used. */
const names = {
  appUserId: ["appUserId", "app_user_id", "id"],
  type: ["type"],
  occurredAt: ["occurredAt", "occurred_at", "createdAt", "created_at"],
} as const;

export type Fields = Record<keyof typeof names, unknown>;

export const isUserIdColumn = (name: string) => names.appUserId.some((known) => known === name);

const pick = (known: readonly string[], has: (name: string) => boolean) => known.find(has);

/** Returns a function that reads the fields of a CSV record, or `null` when the header has no column of user ids. */
export function toFieldReader(header: readonly string[]): ((record: readonly string[]) => Fields) | null {
  const columns = header.map((name) => name.trim());
  const find = (known: readonly string[]) =>
    columns.indexOf(pick(known, (name) => columns.includes(name)) ?? "");
  const userId = find(names.appUserId);
  const [type, occurredAt] = [find(names.type), find(names.occurredAt)];
  if (userId < 0) return null;
  return (record) => ({
    appUserId: record[userId],
    type: type < 0 ? undefined : record[type],
    occurredAt: occurredAt < 0 ? undefined : record[occurredAt],
  });
}

/** Reads the fields of an NDJSON value: an object with such names, or the user id as a string. */
export function toFields(value: unknown): Fields | null {
  if (typeof value === "string") return { appUserId: value, type: undefined, occurredAt: undefined };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const object = value as Record<string, unknown>;
  const find = (known: readonly string[]) => object[pick(known, (name) => Object.hasOwn(object, name)) ?? ""];
  return {
    appUserId: find(names.appUserId),
    type: find(names.type),
    occurredAt: find(names.occurredAt),
  };
}
