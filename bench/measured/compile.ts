import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Compiles everything into a folder of its own inside `dist/`, where imports find `node_modules`: what runs through a
 * loader is not what ships. Types are not looked at here.
 */
export async function compile() {
  const dist = join(repository, "dist");
  mkdirSync(dist, { recursive: true });
  const folder = mkdtempSync(join(dist, "bench-"));
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const flags = ["--noCheck", "--declaration", "false", "--sourceMap", "false", "--outDir", folder];
  await promisify(execFile)(process.execPath, [compiler, "-p", "tsconfig.json", ...flags], {
    cwd: repository,
  });
  return {
    /** A script of this folder's parent, by its path from there and without its ending. */
    script: (name: string) => join(folder, `bench/${name}.js`),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
