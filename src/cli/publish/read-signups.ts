import { isUtf8 } from "node:buffer";
import { describeTimeProblem } from "../../core/mapping/event-time-problem.js";
import { parseEventTime } from "../../core/mapping/event-time.js";
import type { SignupEvent } from "../../core/mapping/signup-event.js";
import { toSignupEvent, type Signup } from "../../publisher/signup.js";
import { CliError } from "../command.js";
import { isUserIdColumn, toFieldReader, toFields, type Fields } from "./columns.js";
import { maxRecordBytes, parseCsvRecord, readRecords, type SourceRecord } from "./records.js";

export type Format = "csv" | "ndjson";

/** The event of one line of the input, or why the line has none. */
export type ReadLine = { line: number } & ({ event: SignupEvent } | { problem: string });

type Read = { fields: Fields } | { problem: string };

const withoutByteOrderMark = (text: string) => text.replace(/^\ufeff/, "");

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Detects the format from the first line, when the file extension does not say it. */
export function detectFormat(firstLine: string): Format {
  const text = withoutByteOrderMark(firstLine).trim();
  const value = parseJson(text);
  const isUserId = typeof value === "string" && !isUserIdColumn(value);
  return isUserId || text.startsWith("{") ? "ndjson" : "csv";
}

function readJson(text: string): Read {
  const fields = toFields(parseJson(text));
  return fields === null ? { problem: "is neither a JSON object nor a JSON string" } : { fields };
}

/** Creates a reader of records. The first record is the header. */
function createCsvReader(): (text: string) => Read | null {
  let toRecordFields: ((record: readonly string[]) => Fields) | null = null;
  let width = 0;
  return (text) => {
    const record = parseCsvRecord(text);
    if (toRecordFields === null) {
      toRecordFields = toFieldReader(record ?? []);
      width = record?.length ?? 0;
      if (toRecordFields !== null) return null;
      const hint = text.startsWith("[") ? " (is it a JSON array? Write one value per line: jq -c '.[]')" : "";
      throw new CliError(`the first line has no column appUserId, app_user_id or id${hint}`, 2);
    }
    if (record === null) return { problem: "has misplaced quotes" };
    if (record.length !== width) {
      return { problem: `has ${record.length} fields, but the header has ${width}` };
    }
    return { fields: toRecordFields(record) };
  };
}

const isAbsent = (value: unknown) => value === undefined || value === null || value === "";

/** Accepts times as databases write them: numbers in text, and a zone offset of hours only. */
function toTime(value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  return value.replace(/(:\d{2}(?:\.\d+)?[+-]\d{2})$/, "$1:00");
}

function toReadLine(line: number, { appUserId, type, occurredAt }: Fields, run: Run): ReadLine {
  const at = isAbsent(occurredAt) ? run.startedAt : parseEventTime(toTime(occurredAt));
  if (at === null) {
    return { line, problem: `the time ${describeTimeProblem(toTime(occurredAt))}` };
  }
  const signup = { type: isAbsent(type) ? "user.created" : type, appUserId, occurredAt: at } as Signup;
  const read = toSignupEvent(signup, { now: run.startedAt, newId: () => `${run.id}-${line}` });
  return { line, ...read };
}

export type Run = {
  /** The prefix of the event ids. */
  id: string;
  /** The time of events without one. */
  startedAt: Date;
  /** Whether the input may end in the middle of a line, as a pipe does when its sender dies. */
  mayBeCut: boolean;
};

/**
 * Reads NDJSON or CSV as signup events, line by line, and yields the lines of one chunk together. Skips empty lines.
 *
 * @throws CliError when a CSV has no column of user ids
 */
export async function* readSignups(
  chunks: AsyncIterable<Buffer>,
  format: Format,
  run: Run,
): AsyncGenerator<ReadLine[]> {
  const readText = format === "csv" ? createCsvReader() : readJson;

  function readRecord({ line, bytes, isEnded }: SourceRecord): ReadLine | null {
    if (bytes === null) {
      const hint = format === "csv" ? "; is a quote not closed?" : "";
      return { line, problem: `is longer than ${maxRecordBytes} bytes${hint}` };
    }
    // A decoder would replace malformed bytes, which could merge the ids of two users.
    if (!isUtf8(bytes)) return { line, problem: "is not well-formed UTF-8" };
    const text = line === 1 ? withoutByteOrderMark(bytes.toString()) : bytes.toString();
    if (text.trim() === "") return null;
    // Half a user id looks like a whole one.
    if (!isEnded && format === "csv" && run.mayBeCut) {
      return { line, problem: "does not end with a line break; was the input cut off?" };
    }
    const read = readText(text);
    if (read === null) return null;
    return "problem" in read ? { line, problem: read.problem } : toReadLine(line, read.fields, run);
  }

  for await (const records of readRecords(chunks, format)) {
    yield records.map(readRecord).filter((read) => read !== null);
  }
}
