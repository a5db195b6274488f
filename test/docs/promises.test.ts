import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readText = (path: string) => readFileSync(join(root, path), "utf8");
const manifest = JSON.parse(readText("package.json")) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  ...readdirSync(join(root, "docs"), { recursive: true })
    .filter((name): name is string => typeof name === "string" && name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

/** Names of the commands in the table of `src/cli.ts`. */
const commands = [...readText("src/cli.ts").matchAll(/^ {2}([a-z]+): \{$/gm)].map(([, name]) => name ?? "");

test.each(pages)("every link to a file in %s leads to an existing file", (page) => {
  const links = [...readText(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
    ([, link]) => link ?? "",
  );
  expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
});

/** Returns the anchors that GitHub generates for the headings of a page. */
const listAnchors = (page: string) =>
  [...readText(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );

test.each(pages)("every link to a heading in %s leads to an existing heading", (page) => {
  const links = [...readText(page).matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)/g)];
  const broken = links.filter(([, path = "", anchor = ""]) => {
    const target = path === "" ? page : join(dirname(page), path);
    return !listAnchors(target).includes(anchor);
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

test.each(pages)("every npm script and every command that %s names exists", (page) => {
  const text = readText(page);
  const scripts = [...text.matchAll(/npm run ([a-z][a-z:]*)/g)].map(([, name]) => name ?? "");
  const called = [...text.matchAll(/(?:`|^)(?:vital-gateway|node dist\/src\/cli\.js) ([a-z]+)/gm)].map(
    ([, name]) => name ?? "",
  );
  expect(scripts.filter((name) => !(name in manifest.scripts))).toEqual([]);
  expect(called.filter((name) => !commands.includes(name))).toEqual([]);
});

test("the README lists every command", () => {
  const text = readText("README.md");
  expect(commands.filter((name) => !text.includes(`\`vital-gateway ${name}`))).toEqual([]);
});

test("every dependency has a reason in docs/decisions", () => {
  const table = readText("docs/decisions/2026-11-22-dependencies.md");
  const explained = [...table.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name);
  const installed = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
  expect(explained.sort()).toEqual(installed.sort());
});
