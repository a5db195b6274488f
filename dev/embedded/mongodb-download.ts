import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Environment } from "../../src/config/settings-reader.js";

const script = fileURLToPath(new URL("./mongodb-download-process.js", import.meta.url));

/** A download prints its progress every two seconds. The extraction at its end prints nothing. */
const firstOutputTimeoutMs = 10_000;
const silenceTimeoutMs = 60_000;

/** Allows one attempt, verifies the file's checksum and the host's certificate, and searches only the given folder. */
const downloadSettings = {
  MONGOMS_MAX_RETRIES: "1",
  MONGOMS_PREFER_GLOBAL_PATH: "false",
  MONGOMS_MD5_CHECK: "true",
  npm_config_strict_ssl: "true",
};

type Report = { path?: string; failed?: string };

function toReport(output: string): Report {
  const last = output.trim().split("\n").at(-1) ?? "";
  return last.startsWith("{") ? (JSON.parse(last) as Report) : {};
}

/**
 * Downloads MongoDB's server through mongodb-memory-server-core. Gives up when there is no progress.
 *
 * @returns the path of the server in the folder.
 * @throws Error with a short reason.
 */
export async function fetchMongodb({ folder, env }: { folder: string; env: Environment }): Promise<string> {
  const child = spawn(process.execPath, [script, folder], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...(env as NodeJS.ProcessEnv), ...downloadSettings },
  });
  const cancel = () => child.kill("SIGKILL");
  let timer = setTimeout(cancel, firstOutputTimeoutMs);
  child.stdout.on("data", () => {
    clearTimeout(timer);
    timer = setTimeout(cancel, silenceTimeoutMs);
  });
  const ended = once(child, "exit");
  const { path, failed } = toReport(await text(child.stdout));
  await ended;
  clearTimeout(timer);
  if (path !== undefined) return path;
  // The last line of the package's message contains the reason.
  const reason = failed?.trim().split("\n").at(-1) ?? "no progress";
  throw new Error(`MongoDB cannot be downloaded: ${reason}`);
}
