import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleCli } from "../../packaging/bundle.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const cache = join(root, "node_modules/.cache/vital-gateway");
const buildMaxAgeMs = 60 * 60 * 1000;
const sourceFolders = ["src", "schema", "workers", "simulator"];

type Source = { path: string; text: string };

async function readSources(): Promise<Source[]> {
  const lists = await Promise.all(
    sourceFolders.map(async (folder) => {
      const names = await readdir(join(root, folder), { recursive: true });
      return names.filter((name) => name.endsWith(".ts")).map((name) => join(folder, name));
    }),
  );
  const paths = lists.flat().sort();
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(root, path), "utf8") })));
}

/** Compiles as `npm run build` does, but without the slow type check, which `npm run check` does. */
async function compile(sources: readonly Source[], folder: string): Promise<void> {
  const { default: ts } = await import("typescript");
  const config = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path))
    .config as object;
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root);
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  for (const { path, text } of sources) {
    const { outputText } = ts.transpileModule(text, {
      fileName: join(root, path),
      compilerOptions: { ...options, module: ts.ModuleKind.ESNext, declaration: false, sourceMap: false },
    });
    const target = join(folder, path.replace(/\.ts$/, ".js"));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
  }
}

/** Removes builds of older sources. A test run that still uses its build has not been running that long. */
async function removeOldBuilds(): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (Date.now() - (await stat(path)).mtimeMs > buildMaxAgeMs)
      await rm(path, { recursive: true, force: true });
  }
}

/**
 * Returns a folder with the current sources, compiled: processes start several times faster from it than from
 * TypeScript. Each state of the sources is built once, and all test files share the build.
 */
export async function getBuild(): Promise<string> {
  const sources = await readSources();
  const hash = createHash("sha256").update(await readFile(fileURLToPath(import.meta.url)));
  for (const { path, text } of sources) hash.update(`${path}\0${text}\0`);
  const name = `build-${hash.digest("hex").slice(0, 16)}`;
  const folder = join(cache, name);
  await mkdir(cache, { recursive: true });
  if ((await readdir(cache)).includes(name)) return folder;
  await removeOldBuilds();
  const unfinished = await mkdtemp(join(cache, "building-"));
  await compile(sources, unfinished);
  await bundleCli(unfinished);
  // Another test file may have finished the same build first.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  return folder;
}
