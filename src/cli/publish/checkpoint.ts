import { readFile, rename, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { z } from "zod";
import { CliError } from "../command.js";

/** How far an input has been acknowledged: every line up to `line`. */
const State = z.object({ input: z.string(), line: z.int().min(0) });

const saveEveryMs = 500;

async function readState(path: string): Promise<z.infer<typeof State> | null> {
  let text;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    throw new CliError(`${path} cannot be read (${code ?? "unknown error"})`, 2);
  }
  try {
    return State.parse(JSON.parse(text));
  } catch {
    throw new CliError(`${path} was not written by --resume; use another file`, 2);
  }
}

/**
 * Stores in a file how far an input has been acknowledged, so that a later run continues from there. The file is
 * replaced atomically: whenever the process ends, it is the old one or the new one.
 *
 * @throws CliError when the file belongs to another input, or cannot be used
 */
export async function openCheckpoint(path: string, inputPath: string) {
  const input = inputPath === "-" ? "-" : resolve(inputPath);
  const state = await readState(path);
  if (state !== null && state.input !== input) {
    throw new CliError(`${path} belongs to ${state.input}; use another file for ${inputPath}`, 2);
  }
  let savedAt = 0;
  let savedLine = state?.line ?? 0;
  let saving = Promise.resolve();

  async function write(line: number): Promise<void> {
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      await writeFile(temporary, `${JSON.stringify({ input, line })}\n`, { flush: true });
      await rename(temporary, path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
      throw new CliError(`${path} cannot be written (${code})`);
    }
  }

  /** Writes one after the other, so that the last one wins. */
  async function save(line: number): Promise<void> {
    if (line === savedLine && savedAt > 0) return;
    savedAt = performance.now();
    savedLine = line;
    saving = saving.then(() => write(line));
    await saving;
  }

  return {
    /** The last line that an earlier run got acknowledged. */
    line: savedLine,
    save,
    /** Saves unless the last save is very recent. */
    async saveIfDue(line: number): Promise<void> {
      if (performance.now() - savedAt >= saveEveryMs) await save(line);
    },
  };
}

export type Checkpoint = Awaited<ReturnType<typeof openCheckpoint>>;
