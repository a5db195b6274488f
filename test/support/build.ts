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

/** As `npm run build` does it, but without looking at types: that is the check's business, and takes its time. */
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

/** Those of other states of the sources; a run that still uses one is not that old. */
async function removeOldBuilds(): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (Date.now() - (await stat(path)).mtimeMs > buildMaxAgeMs)
      await rm(path, { recursive: true, force: true });
  }
}

/**
 * Gives the folder of the compiled sources as they are now: processes start several times faster from it than from
 * TypeScript. It is made once for each state of the sources, and shared by the files of a run.
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
  // Another file of the run may have been faster.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  return folder;
}
