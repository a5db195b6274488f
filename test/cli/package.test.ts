import { execFile, spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { getBuild } from "../support/build.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;
let paths: string[];

/** What the repository holds besides the product, and what an interrupted bench leaves in `dist`. */
const strays = [
  "dist/dev",
  "dist/test",
  "dist/bench",
  "dist/packaging",
  "dist/bench-a1b2c3/src",
  "test",
  "dev",
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vital-gateway-package-"));
  await cp(await getBuild(), join(folder, "dist"), { recursive: true });
  for (const path of ["package.json", "schema/schema.graphql", "README.md"]) {
    await cp(join(root, path), join(folder, path));
  }
  for (const path of strays) {
    await mkdir(join(folder, path), { recursive: true });
    await writeFile(join(folder, path, "stray.js"), "");
  }
  const pack = promisify(execFile);
  const { stdout } = await pack("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: folder });
  const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
  paths = packed?.files.map(({ path }) => path) ?? [];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("the npm package contains the command, the publisher and the schema", () => {
  expect(paths).toEqual(
    expect.arrayContaining([
      "package.json",
      "README.md",
      "dist/src/cli.js",
      "dist/src/publisher/publisher.js",
      "dist/THIRD-PARTY-LICENSES.txt",
      "schema/schema.graphql",
    ]),
  );
});

test("the npm package contains no development tool, test, bench, packaging or simulator", () => {
  const foreign = /(^|\/)(dev|test|bench[^/]*|packaging|simulator|stray\.js)(\/|$)/;
  expect(paths.filter((path) => foreign.test(path))).toEqual([]);
});

test("the simulator command of the npm package says where the simulator is, and exits 1", async () => {
  await rm(join(folder, "dist/simulator"), { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, [join(folder, "dist/src/cli.js"), "simulator"], {
    encoding: "utf8",
  });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^The npm package does not contain the simulator\..*repository.*container image/);
  expect(stderr).toContain("node dist/src/cli.js simulator");
  expect(stderr).toContain("docker compose --profile simulator up simulator");
  expect(stderr).not.toMatch(/\bat .*:\d+/);
});
