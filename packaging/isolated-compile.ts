import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../", import.meta.url));

/**
 * Compiles a project into a separate folder inside `dist/`, where its imports find `node_modules`. An edit or another
 * build then does not affect a run in progress. Types are not checked here; `npm run check` does that.
 *
 * @param purpose the prefix of the folder's name.
 * @param project a `tsconfig` file of the repository.
 * @param onFolder called with the folder before anything is written.
 * @returns the folder, and a function that removes it. The folder is also removed when this process exits.
 */
export async function compileIsolated(
  purpose: string,
  project: string,
  onFolder: (folder: string) => void = () => undefined,
): Promise<{ folder: string; remove: () => void }> {
  const dist = join(repository, "dist");
  mkdirSync(dist, { recursive: true });
  const folder = mkdtempSync(join(dist, `${purpose}-`));
  onFolder(folder);
  const remove = () => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", remove);
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const flags = ["--noCheck", "--declaration", "false", "--sourceMap", "false", "--outDir", folder];
  await promisify(execFile)(process.execPath, [compiler, "-p", project, ...flags], { cwd: repository });
  return { folder, remove };
}
