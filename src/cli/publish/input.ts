import { createReadStream, fstatSync } from "node:fs";
import { open } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import { CliError } from "../command.js";
import { detectFormat, type Format } from "./read-signups.js";

export type Input = {
  format: Format;
  /** Bytes, or `null` when unknown. */
  size: number | null;
  /** Bytes read so far. */
  readBytes: () => number;
  chunks: AsyncIterable<Buffer>;
  close: () => void;
};

const formatOf: Readonly<Record<string, Format>> = { csv: "csv", ndjson: "ndjson", jsonl: "ndjson" };

async function openFile(path: string): Promise<{ stream: Readable; size: number | null }> {
  try {
    const file = await open(path);
    const stats = await file.stat();
    if (stats.isDirectory()) {
      await file.close();
      throw new CliError(`${path} is a folder; use a file, or - for standard input`, 2);
    }
    // A pipe has no size.
    return { stream: createReadStream(path, { fd: file }), size: stats.isFile() ? stats.size : null };
  } catch (error) {
    if (error instanceof CliError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new CliError(`${path} cannot be read (${code})`, 2);
  }
}

/** Node.js reads a folder as an empty standard input. */
function openStandardInput(): { stream: Readable; size: null } {
  if (fstatSync(0).isDirectory()) throw new CliError("standard input is a folder; use a file", 2);
  return { stream: process.stdin, size: null };
}

/** Reads the first line, to detect the format, and returns it with all chunks including those already read. */
async function readFirstLine(source: AsyncIterator<Buffer>, maxBytes = 64 * 1024) {
  let head = Buffer.alloc(0);
  while (!head.includes(0x0a) && head.length < maxBytes) {
    const next = await source.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* replay(): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head;
    for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
  }
  const firstLine = head.subarray(0, head.indexOf(0x0a) < 0 ? head.length : head.indexOf(0x0a)).toString();
  return { firstLine, chunks: replay() };
}

/**
 * Opens a file, or standard input for `-`. The format is the requested one, else the one of the file extension, else
 * the one detected from the first line.
 */
export async function openInput(
  path: string,
  { format, signal }: { format?: Format | undefined; signal: AbortSignal },
): Promise<Input> {
  if (path === "") throw new CliError("the file name is empty", 2);
  const { stream, size } = path === "-" ? openStandardInput() : await openFile(path);
  addAbortSignal(signal, stream);
  let count = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      count += chunk.length;
      yield chunk;
    }
  }
  const { firstLine, chunks } = await readFirstLine(counted());
  const named = formatOf[/\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ""];
  return {
    format: format ?? named ?? detectFormat(firstLine),
    size,
    readBytes: () => count,
    chunks,
    close: () => void stream.destroy(),
  };
}
