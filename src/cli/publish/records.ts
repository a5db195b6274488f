/** A line of the input, or the several lines of a CSV record with line breaks inside quotes. */
export type SourceRecord = {
  /** Its first line, counted from 1. */
  line: number;
  /** Its bytes without the line break; `null` when there are too many. */
  bytes: Buffer | null;
  /** Whether it ends with a line break. The last record may have none. */
  isEnded: boolean;
};

export const maxRecordBytes = 64 * 1024;

const [lineFeed, carriageReturn, quote, comma] = [0x0a, 0x0d, 0x22, 0x2c];
const byteOrderMark = [0xef, 0xbb, 0xbf];

/** The position of a byte in a CSV record. A quote opens a field only at its start (RFC 4180). */
type Position = "field-start" | "unquoted" | "quoted" | "after-quote";

function next(position: Position, byte: number): Position {
  if (position === "quoted") return byte === quote ? "after-quote" : "quoted";
  if (byte === comma || byte === lineFeed) return "field-start";
  if (byte === quote && position !== "unquoted") return "quoted";
  return "unquoted";
}

const trimEnd = (bytes: Buffer) => (bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes);

/**
 * Splits a stream of bytes into records, and yields the records of one chunk together. Holds no more than one chunk and
 * one record. Lines end with LF or CRLF. In CSV, line breaks inside quotes belong to the record.
 */
export async function* readRecords(
  chunks: AsyncIterable<Buffer>,
  format: "csv" | "ndjson",
): AsyncGenerator<SourceRecord[]> {
  let rest: Buffer = Buffer.alloc(0);
  let position: Position = "field-start";
  let isTooLong = false;
  let [line, firstLine, offset] = [1, 1, 0];

  const toRecord = (bytes: Buffer, isEnded = true): SourceRecord => ({
    line: firstLine,
    isEnded,
    bytes: isTooLong || bytes.length > maxRecordBytes ? null : trimEnd(bytes),
  });

  for await (const chunk of chunks) {
    const buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const records: SourceRecord[] = [];
    let start = 0;
    for (let index = rest.length; index < buffer.length; index += 1, offset += 1) {
      const byte = buffer[index] ?? 0;
      if (byte === lineFeed) line += 1;
      if (format === "csv" && byte !== byteOrderMark[offset]) position = next(position, byte);
      if (byte !== lineFeed || position === "quoted") continue;
      records.push(toRecord(buffer.subarray(start, index)));
      isTooLong = false;
      start = index + 1;
      firstLine = line;
    }
    rest = buffer.subarray(start);
    if (rest.length > maxRecordBytes) {
      // Usually a quote that is never closed. The next line break ends the record.
      isTooLong = true;
      position = "unquoted";
      rest = Buffer.alloc(0);
    }
    yield records;
  }
  if (rest.length > 0 || isTooLong) yield [toRecord(rest, false)];
}

/** A field, quoted (group 1) or not (group 2), up to a comma or the end of the record. */
const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|$)/y;

/** Parses one CSV record (RFC 4180). Returns its fields, or `null` when quotes are misplaced. */
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
