import { join } from "node:path";
import { bundleCli } from "../../../packaging/bundle.js";
import { compileIsolated } from "../../../packaging/isolated-compile.js";

/**
 * Builds the product as it ships, apart from every other build.
 *
 * @param onFolder is told of the folder before anything is written
 * @returns paths of the two entries, and what removes the folder again
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

export type ProductBuild = Awaited<ReturnType<typeof buildProduct>>;
