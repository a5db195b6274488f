import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Environment } from "../../src/config/settings-reader.js";

const script = fileURLToPath(new URL("./mongodb-download-process.js", import.meta.url));

/** A real download prints its progress every two seconds; unpacking at its end is silent. */
const firstSignTimeoutMs = 10_000;
const silenceTimeoutMs = 60_000;

/** One attempt, the server's checksum and the host's certificate checked, nothing looked up outside the folder. */
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
 * Downloads MongoDB's own server through mongodb-memory-server-core, as long as there is progress.
 *
 * @returns its path in the folder.
 * @throws Error with the reason in a few words.
 */
export async function fetchMongodb({ folder, env }: { folder: string; env: Environment }): Promise<string> {
  const child = spawn(process.execPath, [script, folder], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...(env as NodeJS.ProcessEnv), ...downloadSettings },
  });
  const giveUp = () => child.kill("SIGKILL");
  let timer = setTimeout(giveUp, firstSignTimeoutMs);
  child.stdout.on("data", () => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, silenceTimeoutMs);
  });
  const ended = once(child, "exit");
  const { path, failed } = toReport(await text(child.stdout));
  await ended;
  clearTimeout(timer);
  if (path !== undefined) return path;
  // The package's message has the reason on its last line.
  const reason = failed?.trim().split("\n").at(-1) ?? "it stands still";
  throw new Error(`MongoDB's download is out of reach: ${reason}`);
}
