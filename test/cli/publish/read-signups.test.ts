import { describe, expect, test } from "vitest";
import {
  detectFormat,
  readSignups,
  type Format,
  type ReadLine,
} from "../../../src/cli/publish/read-signups.js";

const startedAt = new Date("2026-11-22T10:00:00Z");
const run = { id: "run", startedAt, mayBeCut: false };

/** Reads the input in chunks of `chunkBytes`. */
async function read(
  input: string | Buffer,
  format: Format,
  chunkBytes = 65_536,
  mayBeCut = false,
): Promise<ReadLine[]> {
  const bytes = Buffer.from(input);
  async function* chunks() {
    for (let start = 0; start < bytes.length; start += chunkBytes) {
      yield await Promise.resolve(bytes.subarray(start, start + chunkBytes));
    }
  }
  const lines: ReadLine[] = [];
  for await (const some of readSignups(chunks(), format, { ...run, mayBeCut })) lines.push(...some);
  return lines;
}

/** `line id type instant`, or `line !problem`. */
const toText = (read: ReadLine) =>
  "event" in read
    ? [read.line, read.event.appUserId, read.event.type, read.event.occurredAt.toISOString()].join(" ")
    : `${read.line} !${read.problem}`;

const now = startedAt.toISOString();

describe.each([1, 2, 7, 65_536])("in chunks of %i bytes", (chunkBytes) => {
  test("CSV is read by RFC 4180: quotes, commas, line breaks and doubled quotes inside, BOM, CRLF, no last line break", async () => {
    const input = [
      '\ufeff"id",name,"created_at"',
      "u1,plain,2026-01-02T03:04:05Z",
      '"u,2","a ""name""\r\nof two lines",2026-01-02 03:04:05.5+00',
      '"u""3",,1767323045',
      "",
      "u4,é漢,",
    ].join("\r\n");
    expect((await read(input, "csv", chunkBytes)).map(toText)).toEqual([
      "2 u1 user.created 2026-01-02T03:04:05.000Z",
      "3 u,2 user.created 2026-01-02T03:04:05.500Z",
      '5 u"3 user.created 2026-01-02T03:04:05.000Z',
      `7 u4 user.created ${now}`,
    ]);
  });

  test("NDJSON is read as objects and as bare strings", async () => {
    const input = [
      '\ufeff{"appUserId":"u1","type":"user.deleted","occurredAt":"2026-01-02T03:04:05Z","id":"evt_1"}',
      '"u2"',
      "",
      '{"app_user_id":"u3","created_at":1767323045000}\r',
      '{"id":" u4 ","type":null}',
    ].join("\n");
    expect((await read(input, "ndjson", chunkBytes)).map(toText)).toEqual([
      "1 u1 user.deleted 2026-01-02T03:04:05.000Z",
      `2 u2 user.created ${now}`,
      "4 u3 user.created 2026-01-02T03:04:05.000Z",
      `5  u4  user.created ${now}`,
    ]);
  });
});

test("an invalid line is reported with its reason, and the next one is read", async () => {
  const input = Buffer.concat([
    Buffer.from(
      "appUserId,type,occurredAt\n,,\nu1,user.updated,\nu2,,yesterday\nu3,,2026-01-02T03:04:05\nu4\nu5,,2026-01-02\n",
    ),
    Buffer.from([0x75, 0xff, 0x2c, 0x2c, 0x0a]),
    Buffer.from('u"5,,\n"u6"x,,\nu7,,\n'),
  ]);
  expect((await read(input, "csv")).map(toText)).toEqual([
    "2 !appUserId must not be empty",
    "3 !type must be one of user.created, user.deleted",
    "4 !the time must be an RFC 3339 time with a zone, such as 2026-11-22T10:00:00Z, or seconds or milliseconds since 1970",
    "5 !the time has no time zone; append Z if it is UTC, or an offset such as +02:00",
    "6 !has 1 fields, but the header has 3",
    "7 !the time is only a date; send the time and its zone too, such as 2026-11-22T10:00:00Z",
    "8 !is not well-formed UTF-8",
    "9 !has misplaced quotes",
    "10 !has misplaced quotes",
    `11 u7 user.created ${now}`,
  ]);
  const lines = ["{", "[]", "7", '{"id":7}', "{}", '"a\\u0000b"', '"undefined"', '"u1"'].join("\n");
  expect((await read(lines, "ndjson")).map(toText)).toEqual([
    "1 !is neither a JSON object nor a JSON string",
    "2 !is neither a JSON object nor a JSON string",
    "3 !is neither a JSON object nor a JSON string",
    "4 !appUserId must be a string",
    "5 !appUserId must be a string",
    "6 !appUserId must not contain control characters",
    '7 !appUserId is "undefined", which is not the id of one user',
    `8 u1 user.created ${now}`,
  ]);
});

test("a quote that is never closed loses the lines inside it, and uses no memory", async () => {
  const swallowed = "x,\n".repeat(30_000);
  const lines = await read(`id,name\nu1,"\n${swallowed}u2,ok\n`, "csv", 1_000);
  expect(lines.slice(0, 1).map(toText).join()).toContain(
    "2 !is longer than 65536 bytes; is a quote not closed?",
  );
  expect(lines.at(-1)).toMatchObject({ line: 30_003, event: { appUserId: "u2" } });
});

test("a CSV without a column of user ids is rejected as a whole", async () => {
  await expect(read("name,email\na,b\n", "csv")).rejects.toThrow(/no column appUserId, app_user_id or id/);
  await expect(read('[{"id":"u1"}]', "csv")).rejects.toThrow(/one value per line/);
});

test("the format is detected from the first line", () => {
  expect(detectFormat('{"id":"u1"}')).toBe("ndjson");
  expect(detectFormat('\ufeff"u1"')).toBe("ndjson");
  expect(detectFormat('"id"')).toBe("csv");
  expect(detectFormat('"id","type"')).toBe("csv");
  expect(detectFormat("id,created_at\r")).toBe("csv");
});

describe("an input that may be cut off, such as a pipe", () => {
  const lastOf = async (input: string, format: Format) =>
    (await read(input, format, 65_536, true)).map(toText).at(-1);

  test("half a user id in a CSV is not published", async () => {
    expect(await lastOf("id\nuser-1\nuser-", "csv")).toContain("3 !does not end with a line break");
    expect(await lastOf("id\nuser-1\r\n", "csv")).toBe(`2 user-1 user.created ${now}`);
  });

  test("an incomplete line of NDJSON is not published", async () => {
    expect(await lastOf('"user-1"\n"user-2"', "ndjson")).toBe(`2 user-2 user.created ${now}`);
    expect(await lastOf('"user-1"\n"user-', "ndjson")).toContain("2 !is neither a JSON object");
  });
});
