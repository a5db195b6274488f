import { readFileSync, statSync } from "node:fs";

/** A file larger than this contains something other than a setting, bytes. */
const maxBytes = 64 * 1024;

/** Reasons by error code of the file system, with the fix. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "names a file that does not exist",
  ENOTDIR: "names a file that does not exist",
  EACCES: "names a file that this process has no permission to read",
  EPERM: "names a file that this process has no permission to read",
  ENAMETOOLONG: "must be the path of a file, not the secret itself",
  ERR_INVALID_ARG_VALUE: "must be the path of a file",
};

function toReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
  const reason = Object.hasOwn(reasons, code) ? reasons[code] : undefined;
  return `${reason ?? "names a file that cannot be read"} (${code})`;
}

function readText(path: string): { text: string } | { problem: string } {
  const stats = statSync(path);
  if (stats.isDirectory()) return { problem: "names a directory; name the file in it" };
  if (!stats.isFile() && !stats.isFIFO()) return { problem: "names a device; name a file" };
  if (stats.size > maxBytes) return { problem: `names a file of more than ${maxBytes} bytes` };
  try {
    // A byte order mark at the beginning is not part of the text.
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)).trim() };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { problem: "names a file that is not UTF-8 text; save it as UTF-8" };
  }
}

/**
 * Reads the file with a secret, without the white space around it.
 *
 * @returns the text, or the problem with its fix. The problem does not repeat the path: it is the secret itself when the
 * two settings are mixed up.
 */
export function readSecretFile(path: string): { text: string } | { problem: string } {
  try {
    const result = readText(path);
    return "text" in result && result.text === "" ? { problem: "names an empty file" } : result;
  } catch (error) {
    return { problem: toReason(error) };
  }
}
