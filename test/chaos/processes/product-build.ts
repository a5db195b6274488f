import { join } from "node:path";
import { bundleCli } from "../../../packaging/bundle.js";
import { compileIsolated } from "../../../packaging/isolated-compile.js";

/**
 * Builds the product in the form that ships, in a separate folder.
 *
 * @param onFolder is called with the folder's path before anything is written
 * @returns the paths of the two entry points, and `remove`, which removes the folder
 */
export async function buildProduct(onFolder: (folder: string) => void) {
  const { folder, remove } = await compileIsolated("chaos", "tsconfig.build.json", onFolder);
  await bundleCli(folder);
  return {
    cli: join(folder, "src/cli.js"),
    simulator: join(folder, "simulator/main.js"),
    remove,
  };
}
