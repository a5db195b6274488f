import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");

/** Paths of the layout: two spaces of indentation are one folder, and a line may name several paths. */
function listLayoutPaths(): string[] {
  const [, block = ""] = /## Project layout\n\n```\n([\s\S]*?)```/.exec(page) ?? [];
  const folders: string[] = [];
  return block.split("\n").flatMap((line) => {
    const [, indentation = "", names = ""] = /^( {0,6})((?:[\w.-]+\/?, )*[\w.-]+\/?) {2,}/.exec(line) ?? [];
    if (names === "") return [];
    const depth = indentation.length / 2;
    const paths = names.split(", ").map((name) => join(...folders.slice(0, depth), name));
    folders.splice(depth, Infinity, names.replace(/\/$/, ""));
    return paths;
  });
}

test("every file and folder in the project layout exists, and every folder of src is in it", () => {
  const paths = listLayoutPaths();
  expect(paths.length).toBeGreaterThan(25);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  const documented = new Set(paths.map((path) => path.replace(/\/$/, "")));
  const folders = readdirSync(join(root, "src")).filter((name) =>
    statSync(join(root, "src", name)).isDirectory(),
  );
  expect(folders.filter((name) => !documented.has(join("src", name)))).toEqual([]);
});

function listSources(path: string): string[] {
  if (statSync(join(root, path)).isFile()) return path.endsWith(".ts") ? [path] : [];
  return readdirSync(join(root, path)).flatMap((name) => listSources(join(path, name)));
}

/** Paths that a file imports from the repository, statically or when it runs. */
function listImports(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const specifiers = [...text.matchAll(/(?:\bfrom |\bimport\(?)"(\.[^"]+)"/g)].map(([, path]) => path ?? "");
  return specifiers.map((path) => relative(root, join(root, dirname(file), path)).replace(/\.js$/, ".ts"));
}

/** Returns the path of the source that a name in the diagram means. */
const toSource = (name: string) =>
  ["schema", "workers"].includes(name)
    ? name
    : existsSync(join(root, "src", name))
      ? `src/${name}`
      : `src/${name}.ts`;

test("the diagram of imports has every import between the parts that it names, and no other", () => {
  const [, diagram = ""] = /```mermaid\n([\s\S]*?)```/.exec(page) ?? [];
  const arrows = [...diagram.matchAll(/^ {2}(\S+ --> \S+)$/gm)].map(([, arrow]) => arrow ?? "");
  const drawn = arrows.filter((arrow) => !arrow.endsWith(" --> core"));
  expect(arrows.length - drawn.length).toBe(2);
  const names = [...new Set(drawn.flatMap((arrow) => arrow.split(" --> ")))];

  const isPartOf = (path: string, name: string) =>
    path === toSource(name) || path.startsWith(`${toSource(name)}/`);
  const real = names.flatMap((from) => {
    const imports = listSources(toSource(from)).flatMap(listImports);
    return names
      .filter((to) => to !== from && imports.some((path) => isPartOf(path, to)))
      .map((to) => `${from} --> ${to}`);
  });
  expect(drawn.sort()).toEqual(real.sort());
});
