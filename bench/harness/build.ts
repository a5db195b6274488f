import { join } from "node:path";
import { compileIsolated } from "../../packaging/isolated-compile.js";

/** Compiles everything: what runs through a loader is not what ships. */
export async function buildProduct() {
  const { folder, remove } = await compileIsolated("bench", "tsconfig.json");
  return {
    /** A script of this folder's parent, by its path from there and without its ending. */
    script: (name: string) => join(folder, `bench/${name}.js`),
    remove,
  };
}
