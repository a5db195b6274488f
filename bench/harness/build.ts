import { join } from "node:path";
import { compileIsolated } from "../../packaging/isolated-compile.js";

/** Compiles everything, so that the benchmark runs the code that ships and not TypeScript through a loader. */
export async function buildProduct() {
  const { folder, remove } = await compileIsolated("bench", "tsconfig.json");
  return {
    /** Returns the path of a compiled script, named relative to `bench` and without extension. */
    script: (name: string) => join(folder, `bench/${name}.js`),
    remove,
  };
}
