import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Each word is divided here, so that this file does not contain it. */
const replacements: readonly (readonly [pattern: string, plain: string])[] = [
  ["\\bmen" + "d", "fix"],
  ["\\bhappen" + "ing", "trigger"],
  ["\\ban" + "ew\\b", "again"],
  ["time-" + "out", "timeout"],
  ["look-" + "up", "lookup"],
  ["\\bdoo" + "med\\b", "to be deleted"],
  ["\\bunder " + "way\\b", "in progress, in flight"],
];

const generated = new Set([".git", "node_modules", "dist", "coverage"]);
/** Texts of others, and local files that are not part of the repository. */
const excluded = new Set(["LICENSE", "package-lock.json", ".env", ".env.local"]);
const textFile = /(?:^|\/)(?:[^/]+\.(?:ts|js|cjs|mjs|json|md|yml|yaml|graphql)|\.[^/]+|Dockerfile)$/;

function listTextFiles(folder = ""): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return generated.has(entry.name) ? [] : listTextFiles(path);
    return entry.isFile() && textFile.test(path) && !excluded.has(path) ? [path] : [];
  });
}

test("every text uses the plain word where there is one", () => {
  const files = listTextFiles();
  expect(files).toEqual(expect.arrayContaining(["README.md", "Dockerfile", "src/app.ts", ".env.example"]));
  const findings = files.flatMap((file) =>
    readFileSync(join(root, file), "utf8")
      .split("\n")
      .flatMap((line, index) =>
        replacements
          .filter(([pattern]) => new RegExp(pattern, "i").test(line))
          .map(([, plain]) => `${file}:${index + 1}: write "${plain}" instead: ${line.trim()}`),
      ),
  );
  expect(findings).toEqual([]);
});

const sources = join("docs", "sources");
const providerPages = readdirSync(join(root, sources)).filter(
  (name) => name.endsWith(".md") && !["README.md", "forward.md"].includes(name),
);

test.each(providerPages)("%s has the sections of every provider page, in their order", (name) => {
  const text = readFileSync(join(root, sources, name), "utf8");
  expect(text.match(/^## .+$/gm)).toEqual([
    "## Configure the provider",
    "## Configure the gateway",
    "## Payload",
    "## Verify",
    "## Troubleshooting",
  ]);
});
