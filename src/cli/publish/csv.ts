/** A field, quoted (group 1) or not (group 2), up to a comma or the end of the record. */
const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|$)/y;

/** Takes one record of CSV (RFC 4180) and gives its fields, or `null` when its quotes are not right. */
export function parseCsvRecord(record: string): string[] | null {
  const fields: string[] = [];
  field.lastIndex = 0;
  for (;;) {
    const match = field.exec(record);
    if (match === null) return null;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return fields;
  }
}
