import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { docsFolder } from "./test-ingress.js";

/** Reads a page of docs/sources. */
export const readPage = (name: string) => readFile(new URL(`${name}.md`, docsFolder), "utf8");

/** Returns the fenced code blocks of one language on a page, also those inside a list. */
export const findBlocks = (page: string, language: string) =>
  Array.from(
    page.matchAll(new RegExp(`^( *)\`\`\`${language}\\n(.*?)^\\1\`\`\`$`, "gms")),
    (match) => match[2] ?? "",
  );

type Forward = (type: string, userId: string, occurredAt?: Date | string, eventId?: string) => Promise<void>;

/** A folder in which the code of the pages runs as it is printed, next to `forward.mjs`, as the pages say. */
export async function createPageCode() {
  const folder = await mkdtemp(join(tmpdir(), "source-pages-"));
  await writeFile(join(folder, "forward.mjs"), findBlocks(await readPage("forward"), "js")[0] ?? "");
  await mkdir(join(folder, "node_modules"));
  const importFile = async <Exports>(file: string) =>
    (await import(pathToFileURL(join(folder, file)).href)) as Exports;

  /** Loads code as a file next to `forward.mjs`. */
  async function load<Exports>(name: string, code: string): Promise<Exports> {
    await writeFile(join(folder, `${name}.mjs`), code);
    return importFile<Exports>(`${name}.mjs`);
  }

  return {
    load,
    loadForward: async () => (await importFile<{ forward: Forward }>("forward.mjs")).forward,
    /** Loads one of the blocks of code on a page. */
    loadBlock: async <Exports>(page: string, index = 0) =>
      load<Exports>(`${page}-${index}`, findBlocks(await readPage(page), "js")[index] ?? ""),
    /** Installs a minimal package with the one function of a provider's library that the code on a page calls. */
    async installPackage(name: string, code: string) {
      const target = join(folder, "node_modules", name);
      await mkdir(target, { recursive: true });
      await writeFile(
        join(target, "package.json"),
        JSON.stringify({ type: "module", exports: "./index.js" }),
      );
      await writeFile(join(target, "index.js"), code);
    },
    /** Installs a package of this repository. */
    linkPackage: (name: string) =>
      symlink(
        fileURLToPath(new URL(`../../../node_modules/${name}`, import.meta.url)),
        join(folder, "node_modules", name),
      ),
    remove: () => rm(folder, { recursive: true }),
  };
}

export type PageCode = Awaited<ReturnType<typeof createPageCode>>;
