import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Compiles the product into a folder of its own inside `dist/`, where its imports find `node_modules`, so that an edit
 * or another build does not change a run that has begun. Types are `npm run check`'s business, not looked at here.
 *
 * @returns paths of the two entries, and what removes the folder again
 */
export async function buildProduct() {
  const dist = join(repository, "dist");
  mkdirSync(dist, { recursive: true });
  const folder = mkdtempSync(join(dist, "chaos-"));
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const flags = ["--noCheck", "--declaration", "false", "--sourceMap", "false", "--outDir", folder];
  await promisify(execFile)(process.execPath, [compiler, "-p", "tsconfig.build.json", ...flags], {
    cwd: repository,
  });
  const remove = () => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", remove);
  return {
    cli: join(folder, "src/cli.js"),
    simulator: join(folder, "simulator/main.js"),
    remove,
  };
}

export type ProductBuild = Awaited<ReturnType<typeof buildProduct>>;
